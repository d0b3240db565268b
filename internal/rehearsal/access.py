"""The access to the emulated accounts: every call is refused that its caller has not signed as AWS demands it.

The port is open to every user of the machine, and ministack believes whoever knows the id of an account. So nothing
reaches ministack unless its signature, its time and its host have been checked here. Signatures are those of AWS,
version 4, in a header or in the address. The secret of an account's root is derived from the secret of the rehearsal;
those of sessions and users are in ministack.

Source: "AWS Signature Version 4 for API requests" in the IAM User Guide, "Authenticating Requests" in the S3 API
Reference.
"""

import dataclasses
import datetime
import hashlib
import hmac
import re
import uuid
from urllib.parse import parse_qs, quote

from ministack.core import iam_evaluator, sigv4
from ministack.core.iam_evaluator import CredentialResolutionError
from ministack.core.responses import _account_from_sts_session

HEALTH_PATH = "/_ministack/health"  # process.go asks for it
ANSWER_PATH = "/_ministack/cfn-response/"  # where a custom resource sends its answer
INVOCATION = re.compile(r"/functions/[^/]+/(invocations|invoke-async|response-streaming-invocations)")
ACCOUNT = re.compile(r"[0-9]{12}")
HASH = re.compile(r"[0-9a-f]{64}")
MAX_AGE = datetime.timedelta(minutes=15)
MAX_PRESIGNED = datetime.timedelta(days=7)
MAX_UNHASHED_BODY = 64 << 20  # bytes, more than Lambda takes; a body of S3 is not read before its header is believed
UNHASHED = {"UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}
CHUNKED = {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"}
QUERY_CREDENTIALS = {"x-amz-algorithm", "x-amz-credential", "x-amz-signature", "awsaccesskeyid", "signature"}


class Refused(Exception):
    """A call that is refused, with the code and the message of AWS."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


def root_secret(secret, account):
    """Return the secret access key of an account's root, as rootSecret in secret.go does."""
    return hmac.new(secret.encode(), account.encode(), hashlib.sha256).hexdigest()


def use_root_secrets(secret):
    """Make ministack itself, which checks presigned addresses of S3 once more, know the secrets of the roots."""
    resolve = iam_evaluator.resolve_credential

    def resolve_credential(*args, **kwargs):
        credential = resolve(*args, **kwargs)
        if getattr(credential, "principal_type", "") != "Root":
            return credential
        return dataclasses.replace(credential, secret_access_key=root_secret(secret, credential.account_id))

    iam_evaluator.resolve_credential = resolve_credential


class Access:
    """An ASGI application that lets the calls through which are signed, for a host that is allowed."""

    def __init__(self, app, secret, hosts, runs_code, refuse):
        """Serve app. runs_code reports whether functions may be run; refuse returns the answer to a refused call."""
        self.app, self.secret, self.runs_code, self.refuse = app, secret, runs_code, refuse
        self.hosts = {"127.0.0.1", "[::1]", "localhost", *hosts}

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self.serve(scope, receive, send)
        else:  # nothing of a rehearsal uses a web socket
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    async def serve(self, scope, receive, send):
        try:
            call = Call(scope)
            self.check_host(call)
            if call.method == "GET" and call.path == HEALTH_PATH:
                await respond(send, 200, {"content-type": "text/plain"}, b"ready\n")
                return
            receive = await self.admit(call, receive)
        except Refused as refused:
            await respond(send, *self.refuse(call.service, call.headers, refused))
            return
        await self.app(scope, receive, without_cors(send))

    def check_host(self, call):
        """Refuse a call that was sent to another host: a page in a browser may have made it."""
        host = re.sub(r":[0-9]+$", "", call.headers.get("host", ""))
        if host not in self.hosts and not re.fullmatch(r"([a-z0-9-]+\.)+localhost", host):
            raise Refused("AccessDenied", "The emulated accounts are not reached by this name.")

    async def admit(self, call, receive):
        """Return what reads the body of a call, or raise Refused."""
        if call.method == "PUT" and call.path.startswith(ANSWER_PATH):
            check_answer(call)
            return receive
        if call.path.lstrip("/").startswith(("_ministack", "_localstack")) or call.method == "OPTIONS":
            raise Refused("AccessDenied", "The emulator's own functions are not available.")
        signature = call.signature()
        check_time(call, signature)
        credential_secret = self.find_secret(call, signature)
        declared = check_payload_kind(call, signature)
        if declared:  # the header is believed before the body is read
            verify(call, signature, credential_secret, b"")
        body = await read(receive, None if declared else MAX_UNHASHED_BODY)
        if HASH.fullmatch(declared) and hashlib.sha256(body).hexdigest() != declared:
            raise Refused("XAmzContentSHA256Mismatch", "The body is not the one that was signed.")
        if not declared or declared in CHUNKED:
            verify(call, signature, credential_secret, body)
        if INVOCATION.search(call.path) and not self.runs_code():
            raise Refused(
                "AccessDeniedException", "A rehearsal runs the code of a function only for a custom resource.")
        return replay(body, receive)

    def find_secret(self, call, signature):
        """Return the secret of the key that signed a call."""
        key, token = signature.access_key_id, call.token()
        if ACCOUNT.fullmatch(key):
            if token:
                raise Refused("InvalidClientTokenId", "The root of an account has no session token.")
            return root_secret(self.secret, key)
        if iam_evaluator.is_root_access_key(key):
            raise Refused("InvalidClientTokenId", "The security token included in the request is invalid.")
        try:
            account = _account_from_sts_session(key) or iam_evaluator.find_iam_access_key_account(key)
        except iam_evaluator.AmbiguousAccessKeyError:
            account = None
        if not account:
            raise Refused("InvalidClientTokenId", "The security token included in the request is invalid.")
        found = iam_evaluator.resolve_credential(key, account, token)
        if isinstance(found, CredentialResolutionError):
            raise Refused(found.code, found.message)
        return found.secret_access_key


class Call:
    """A call as it arrived."""

    def __init__(self, scope):
        self.method, self.path = scope["method"], scope["path"]
        self.raw_path = (scope.get("raw_path") or quote(self.path).encode()).decode("latin-1")
        self.query = parse_qs(scope.get("query_string", b"").decode("utf-8", "replace"), keep_blank_values=True)
        self.headers, self.repeated = {}, set()
        for raw_name, value in scope.get("headers", []):
            name, text = raw_name.decode("latin-1").lower(), sigv4.decode_header_value(value)
            if name in self.headers:
                self.repeated.add(name)
                text = self.headers[name] + "," + text  # as it is signed
            self.headers[name] = text
        self.presigned = any(name.lower() in QUERY_CREDENTIALS for name in self.query)
        self.service = "s3"  # whose errors most clients understand, until the signature says which it is

    def signature(self):
        """Return the only signature of a call."""
        authorization = self.headers.get("authorization", "")
        if not authorization and not self.presigned:
            raise Refused("MissingAuthenticationToken", "The call is not signed.")
        repeated = self.repeated & {"authorization", "host", "x-amz-date", "x-amz-security-token"}
        if authorization and self.presigned or repeated:
            raise Refused("InvalidArgument", "Only one signature is allowed.")
        if not self.presigned and not authorization.startswith("AWS4-HMAC-SHA256 "):
            raise Refused("InvalidArgument", "Only signatures of version 4 are allowed.")
        if self.presigned and self.parameter("X-Amz-Algorithm") != "AWS4-HMAC-SHA256":
            raise Refused("InvalidArgument", "Only signatures of version 4 are allowed.")
        parse = sigv4.parse_query_signature if self.presigned else sigv4.parse_header_signature
        signature = parse(self.query if self.presigned else self.headers)
        if isinstance(signature, tuple):
            raise Refused(*signature)
        self.service = signature.service
        if signature.region_set is not None or not signature.access_key_id:
            raise Refused("InvalidArgument", "Only signatures of version 4 are allowed.")
        signed = set(signature.signed_headers.split(";"))
        unsigned = {name for name in self.headers if name.startswith("x-amz-")} - signed
        if "host" not in signed or unsigned:
            raise Refused("AccessDenied", "There were headers present in the request which were not signed.")
        return signature

    def parameter(self, name):
        """Return the only value of a parameter of the address, spelled as AWS does; "" if there is none."""
        values = [v for n, values in self.query.items() if n.lower() == name.lower() for v in values]
        if len(values) > 1 or values and name not in self.query:
            raise Refused("AuthorizationQueryParametersError", f"{name} is to be there once, and spelled so.")
        return values[0] if values else ""

    def token(self):
        """Return the session token that a call was signed with."""
        if self.presigned:
            return self.parameter("X-Amz-Security-Token")
        return self.headers.get("x-amz-security-token", "")


def check_answer(call):
    """Refuse an answer that no custom resource waits for. Its address holds a random token, which is its permission."""
    from ministack.services.cloudformation import custom_resource

    if call.path.removeprefix(ANSWER_PATH) not in custom_resource._pending:
        raise Refused("AccessDenied", "No custom resource waits for this answer.")


def check_time(call, signature):
    """Refuse a call that was signed too long ago, or in the future."""
    try:
        signed = datetime.datetime.strptime(signature.amz_date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        lifetime = MAX_AGE
        if call.presigned:
            for name in ("X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature", "X-Amz-SignedHeaders"):
                call.parameter(name)
            lifetime = datetime.timedelta(seconds=int(call.parameter("X-Amz-Expires") or 0))
    except (ValueError, OverflowError):
        raise Refused("AccessDenied", "The call has no date that can be read.") from None
    now = datetime.datetime.now(datetime.timezone.utc)
    if not datetime.timedelta() < lifetime <= MAX_PRESIGNED or not signed - MAX_AGE <= now <= signed + lifetime:
        raise Refused("RequestTimeTooSkewed", f"The call was signed at {signature.amz_date}, which is not now.")


def check_payload_kind(call, signature):
    """Return what a call says of its body: a hash, a word of S3, or "" if nothing, and refuse what it may not say."""
    declared = call.headers.get("x-amz-content-sha256", "")
    if call.presigned and signature.service == "s3":
        return declared if HASH.fullmatch(declared) else "UNSIGNED-PAYLOAD"  # it is never signed
    if not declared or HASH.fullmatch(declared) or signature.service == "s3" and declared in UNHASHED | CHUNKED:
        return declared
    raise Refused("AccessDenied", "The body of the call has to be signed.")


def verify(call, signature, secret, body):
    """Refuse a call that was not signed with a secret. The chunks of a body count only if there is a body."""
    headers = call.headers
    if not body and headers.get("x-amz-content-sha256", "") in CHUNKED:
        # The signature of the header is the same whatever the chunks are: they are verified once they are read.
        _, expected = sigv4.header_signing_documents(
            signature, call.method, call.raw_path, call.query, headers, body, presigned=call.presigned)
        computed = sigv4.calculate_signature(
            secret, signature.date_stamp, signature.region, signature.service, expected)
        failure = None
        if not sigv4.signatures_match(computed, signature.signature):
            failure = ("SignatureDoesNotMatch", sigv4.SIGNATURE_MISMATCH)
    else:
        failure = sigv4.header_signature_failure(
            signature, secret, call.method, call.raw_path, call.query, headers, body, presigned=call.presigned)
    if failure:
        raise Refused(*failure)


async def read(receive, limit):
    """Return the body of a call."""
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Refused("IncompleteBody", "The call ended before its body.")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if limit is not None and size > limit:
            raise Refused("EntityTooLarge", "The body of the call is too large.")
        if not message.get("more_body"):
            return b"".join(chunks)


def replay(body, receive):
    """Return what gives a body that was read to the next application, and then what comes after it."""
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again():
        return pending.pop() if pending else await receive()

    return receive_again


def without_cors(send):
    """Return what sends an answer without the headers that let pages of other hosts read it."""

    async def send_without(message):
        if message["type"] == "http.response.start":
            headers = [
                pair for pair in message.get("headers", []) if not pair[0].lower().startswith(b"access-control-")]
            message = {**message, "headers": headers}
        await send(message)

    return send_without


async def respond(send, status, headers, body):
    """Send an answer that is complete."""
    headers = {**headers, "content-length": str(len(body)), "x-amzn-requestid": str(uuid.uuid4())}
    encoded = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
