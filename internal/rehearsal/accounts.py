"""The emulated accounts, with what CloudFormation does and the pinned ministack does not.

A change set that changes nothing but outputs is one that CloudFormation makes and executes, with an empty list of changes; ministack refuses it. Without
this no stack could begin to export what another wants to import.
"""

from ministack.app import app  # noqa: F401, which the web server serves
from ministack.services.cloudformation import _stacks, handlers
from ministack.services.cloudformation.changesets import _find_change_set
from ministack.services.cloudformation.helpers import _p

create = handlers._ACTION_HANDLERS["CreateChangeSet"]


def create_change_set(params):
    response = create(params)
    _, change_set = _find_change_set(_p(params, "ChangeSetName"), _p(params, "StackName"))
    if change_set and change_set["StatusReason"].startswith("The submitted information didn't contain changes"):
        stack = _stacks.get(change_set["StackName"]) or {}
        if change_set["_template"].get("Outputs", {}) != stack.get("_template", {}).get("Outputs", {}):
            change_set.update(Status="CREATE_COMPLETE", ExecutionStatus="AVAILABLE", StatusReason="")
    return response


handlers._ACTION_HANDLERS["CreateChangeSet"] = create_change_set
