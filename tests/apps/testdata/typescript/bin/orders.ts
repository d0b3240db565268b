import { App } from "aws-cdk-lib";
import { OrdersStack } from "../lib/orders";

const app = new App();
const env = { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION };
new OrdersStack(app, "Orders", { env });
