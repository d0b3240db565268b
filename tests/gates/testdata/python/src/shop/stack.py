"""The template of the shop's stack."""

from typing import Any


def queue(days: int) -> dict[str, Any]:
    """Return a queue that keeps messages for some days."""
    if days < 1:
        raise ValueError("messages are kept for a day at least")
    return {
        "Type": "AWS::SQS::Queue",
        "Properties": {"MessageRetentionPeriod": days * 86400},
    }


def template() -> dict[str, Any]:
    """Return the template."""
    return {"Resources": {"Orders": queue(7)}}
