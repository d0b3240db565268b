"""The CDK app of the orders."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "src"))

import aws_cdk as cdk  # noqa: E402
from orders import OrdersStack  # noqa: E402

app = cdk.App()
OrdersStack(app, "Orders")
app.synth()
