"""The queue that orders arrive in, and the topic of those that were accepted."""

import aws_cdk as cdk
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct


class OrdersStack(cdk.Stack):
    """Has a queue and a topic."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        days = int(self.node.get_context("retentionDays"))
        self.queue = sqs.Queue(self, "Incoming", retention_period=cdk.Duration.days(days))
        sns.Topic(self, "Accepted")
