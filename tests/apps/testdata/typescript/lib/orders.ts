import { Duration, Stack, StackProps } from "aws-cdk-lib";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";

export class OrdersStack extends Stack {
  readonly queue: Queue;

  constructor(scope: Construct, id: string, props: StackProps) {
    super(scope, id, props);
    const days = this.node.getContext("retentionDays");
    this.queue = new Queue(this, "Incoming", { retentionPeriod: Duration.days(days) });
    new Topic(this, "Accepted");
  }
}
