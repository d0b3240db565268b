"""Writes the cloud assembly of the shop."""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "src"))

from shop import template  # noqa: E402


def main() -> None:
    """Write the assembly to the folder that the caller names."""
    out = Path(os.environ["CDK_OUTDIR"])
    account = os.environ.get("CDK_DEFAULT_ACCOUNT", "unknown-account")
    region = os.environ.get("CDK_DEFAULT_REGION", "unknown-region")
    stack = {
        "type": "aws:cloudformation:stack",
        "environment": f"aws://{account}/{region}",
        "properties": {"templateFile": "Shop.template.json"},
    }
    manifest = {"version": "36.0.0", "artifacts": {"Shop": stack}}
    (out / "manifest.json").write_text(json.dumps(manifest))
    (out / "Shop.template.json").write_text(json.dumps(template(), indent=1))


main()
