"""Expand the macros of AWS in templates, as CloudFormation does before it makes a change set.

Reads a list of {"region", "template", "parameters"} and writes a list of {"template"} or {"error"}. The library of SAM
prints what it thinks, so the real output is kept for the answer.
"""

import json
import os
import sys

answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

from ministack.core.responses import set_request_region  # noqa: E402
from ministack.services.cloudformation import engine, language_extensions  # noqa: E402


def expand(request):
    """Return the template that the macros make of the one in a request."""
    template = request["template"]
    extends = language_extensions.TRANSFORM in engine.declared_transforms(template)
    set_request_region(request["region"])
    parameters = [{"Key": key, "Value": value} for key, value in request["parameters"].items()]
    try:
        expanded = engine._apply_transforms(template, parameters, None)
    except Exception as error:  # the libraries raise what they like, for any fault of a template
        return {"error": getattr(error, "message", None) or str(error) or type(error).__name__}
    if getattr(expanded, "error", None):
        return {"error": expanded.error}
    if extends:  # some of the language's functions are for the accounts to resolve
        expanded["Transform"] = language_extensions.TRANSFORM
    return {"template": expanded}


json.dump([expand(request) for request in json.load(sys.stdin)], answer)
answer.close()
