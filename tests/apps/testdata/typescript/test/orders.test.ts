import { test } from "node:test";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { OrdersStack } from "../lib/orders";

test("accepted orders are announced in one topic", () => {
  const app = new App({ context: { retentionDays: 7 } });
  const template = Template.fromStack(new OrdersStack(app, "Orders", {}));
  template.resourceCountIs("AWS::SNS::Topic", 1);
});
