"""The emulated accounts: ministack, with what it lacks for a rehearsal.

- A change set that changes no resource but outputs, tags or notification topics. CloudFormation creates and executes
  one, with an empty list of changes; the pinned ministack refuses it, so no stack could begin to export what another
  one imports.
- The notification topics of a stack. The pinned ministack forgets them, so that no stack with topics would ever be as
  it was deployed.
- An end. The process ends by itself when the last run that uses the accounts is gone, however that run ended.
- A line in the log that says that the whole state has been saved.
- What AWS refuses and ministack allows: unsigned calls and strangers (access.py), and the root of an account as a
  service.
- Less reach on the machine (confinement.py).

The current folder is that of the rehearsal; see emulator.go for its locks.
"""

import fcntl
import gc
import json
import os
import signal
import threading
import time

from access import Access, use_root_secrets
from confinement import Programs, confine
from gaps import fill_gaps

gc.disable()  # nothing of what is loaded at the start is garbage; serve enables it

os.umask(0o077)  # other users read nothing, whatever the umask of the person is

# The secret is read before the files are hidden that nobody else may see; what follows starts threads.
with open(os.environ.pop("LOCKSTEP_SECRET"), encoding="ascii") as secret_file:
    secret = secret_file.read().strip()
if not confine(
    readable=[
        "process", os.environ["MINISTACK_SSL_CERT"], os.environ["MINISTACK_SSL_KEY"],
        *os.environ.pop("LOCKSTEP_BUNDLE").split(os.pathsep),
    ],
    writable=["state", "objects", "tmp", "start.lock", "users.lock"],
):
    print("Lockstep: this system cannot hide files from the emulated accounts", flush=True)

from ministack.core import iam_evaluator, lambda_runtime  # noqa: E402

use_root_secrets(secret)

from ministack import app as gateway  # noqa: E402
from ministack.app import app as ministack
from ministack.services import lambda_svc
from ministack.services.cloudformation import _stacks, custom_resource, handlers
from ministack.services.cloudformation.changesets import _find_change_set
from ministack.services.cloudformation.helpers import _esc, _extract_string_members, _p
from ministack.services.cloudformation.stacks import _stack_tags_changed

STATE_SAVED = "Lockstep: the state of the accounts is saved"  # state.go looks for this line
CHECK_INTERVAL = 1  # seconds
STOP_TIMEOUT = 30  # seconds, as gracefulStopTimeout in process.go

fill_gaps()

create_any_change_set = handlers._ACTION_HANDLERS["CreateChangeSet"]
execute_any_change_set = handlers._ACTION_HANDLERS["ExecuteChangeSet"]
update_any_stack = handlers._ACTION_HANDLERS["UpdateStack"]
describe_any_stacks = handlers._ACTION_HANDLERS["DescribeStacks"]


def topics_of(params, stack):
    """Return the topics that a stack has after a call. A call without the list leaves them as they are."""
    if any(name.partition(".")[0] == "NotificationARNs" for name in params):
        return sorted(_extract_string_members(params, "NotificationARNs"))
    return stack.get("NotificationARNs", [])


def create_change_set(params):
    response = create_any_change_set(params)
    _, change_set = _find_change_set(_p(params, "ChangeSetName"), _p(params, "StackName"))
    if not change_set:
        return response
    stack = _stacks.get(change_set["StackName"]) or {}
    change_set["NotificationARNs"] = topics_of(params, stack)
    if change_set["StatusReason"].startswith("The submitted information didn't contain changes"):
        changes = (
            change_set["_template"].get("Outputs", {}) != stack.get("_template", {}).get("Outputs", {}),
            _stack_tags_changed(stack, change_set["Tags"], change_set["_tags_given"]),
            change_set["NotificationARNs"] != stack.get("NotificationARNs", []),
        )
        if any(changes):
            change_set.update(Status="CREATE_COMPLETE", ExecutionStatus="AVAILABLE", StatusReason="")
    return response


def execute_change_set(params):
    _, change_set = _find_change_set(_p(params, "ChangeSetName"), _p(params, "StackName"))
    response = execute_any_change_set(params)
    stack = _stacks.get(change_set["StackName"]) if change_set else None
    if stack and response[0] == 200:
        stack["NotificationARNs"] = change_set.get("NotificationARNs", [])
    return response


def update_stack(params):
    response = update_any_stack(params)
    stack = handlers._resolve_stack(_p(params, "StackName"))
    if stack and response[0] == 200:
        stack["NotificationARNs"] = topics_of(params, stack)
    return response


def describe_stacks(params):
    status, headers, body = describe_any_stacks(params)
    for stack in list(_stacks.values()):
        if topics := stack.get("NotificationARNs"):
            members = "".join(f"<member>{_esc(topic)}</member>" for topic in topics)
            stack_id = f"<StackId>{_esc(stack['StackId'])}</StackId>"
            both = stack_id + f"<NotificationARNs>{members}</NotificationARNs>"
            body = body.replace(stack_id.encode(), both.encode())
    return status, headers, body


handlers._ACTION_HANDLERS.update(
    CreateChangeSet=create_change_set,
    ExecuteChangeSet=execute_change_set,
    UpdateStack=update_stack,
    DescribeStacks=describe_stacks,
)


match_any_principal = iam_evaluator._principal_matches
invoke_any_custom_resource = custom_resource.invoke_custom_resource


def principal_matches(principal, caller_arn):
    """Report whether a policy names a caller. A service is never the caller: it makes no calls of its own here."""
    if isinstance(principal, dict):
        principal = {kind: names for kind, names in principal.items() if kind != "Service"}
    return match_any_principal(principal, caller_arn)


iam_evaluator._principal_matches = principal_matches


match_any_action = iam_evaluator.fnmatch_iam


def action_matches(action, pattern):
    """Report whether a pattern of a policy matches an action.

    Most patterns begin otherwise. To compile the thousands of a policy of AWS takes longer than a whole deployment.
    """
    beginning = pattern.partition("*")[0].partition("?")[0]
    return action.lower().startswith(beginning.lower()) and match_any_action(action, pattern)


iam_evaluator.fnmatch_iam = action_matches


def stop_programs():
    lambda_runtime.reset()


programs = Programs(stop_programs)


def invoke_custom_resource(*args, **kwargs):
    with programs:
        return invoke_any_custom_resource(*args, **kwargs)


custom_resource.invoke_custom_resource = invoke_custom_resource


def refusal(service, headers, refused):
    """Return the answer to a call that is refused, in the form of its service."""
    denied = iam_evaluator.AuthError(refused.code, refused.message)
    _, answer_headers, body = gateway._credential_failure(service, "", "refused", denied, headers)
    return 403, answer_headers, body


async def serve(scope, receive, send):
    if scope["type"] != "lifespan":
        await ministack(scope, receive, send)
        return

    async def send_and_log(message):
        if message["type"] == "lifespan.startup.complete":
            gc.freeze()  # the garbage collector never looks at what was loaded
            gc.enable()
        if message["type"] == "lifespan.shutdown.complete":
            print(STATE_SAVED, flush=True)
        await send(message)

    threading.Thread(target=end_when_unused, daemon=True).start()
    await ministack(scope, receive, send_and_log)


app = Access(serve, secret, os.environ.pop("LOCKSTEP_HOSTS").split(), programs.may_run, refusal)


def end_when_unused():
    """End this process once nobody uses the accounts, unless they run until they are stopped.

    The locks are never given back before the end: whoever wants to use the accounts waits for it and then starts them
    again.
    """
    with open("start.lock", "a") as start, open("users.lock", "a") as users:
        while not (lock(start) and lock(users)):
            fcntl.flock(start, fcntl.LOCK_UN)
            time.sleep(CHECK_INTERVAL)
        if runs_until_stopped():
            print("Lockstep: the accounts run until they are stopped", flush=True)
            return
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOP_TIMEOUT)
        os._exit(1)


def lock(file):
    """Lock a file and report whether that was possible at once."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def runs_until_stopped():
    try:
        with open("process/emulator.json", encoding="utf-8") as record:
            return bool(json.load(record)["kept"])
    except (OSError, ValueError, KeyError):
        return False
