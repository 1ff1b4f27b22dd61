"""Signed requests to DynamoDB with a minimum of overhead.

botocore needs more CPU for a request (endpoint rules, user agent, urllib3) than an import needs for
the 25 records in it. Endpoint, credentials and certificates still come from botocore, and handlers
of its `before-send` event are still called.

An exchange is a generator: it yields a request and is sent the response, or it yields a number of
seconds to pause. `shared.store.sender` runs exchanges concurrently.
"""

import hashlib
import hmac
import ssl
import threading
import time
from collections.abc import Generator
from copy import copy
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import orjson
from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.exceptions import ClientError, HTTPClientError
from botocore.hooks import first_non_none_response
from botocore.httpsession import get_cert_path

from shared.store import dynamo
from shared.store.connections import NO_ANSWER, Answer
from shared.store.patience import Request
from shared.store.retry import THROTTLED, TRANSIENT

type Exchange[R] = Generator[tuple[str, bytes] | float, Any, R]
"""Yields requests as `(operation, body)`, which get an `Answer`, and pauses in seconds."""

_JSON = "application/x-amz-json-1.0"
_making = threading.Lock()


@dataclass(frozen=True, eq=False)
class Line:
    """The endpoint and the credentials of all requests, and botocore's event handlers."""

    url: str
    region: str
    credentials: Any
    events: Any
    certificates: ssl.SSLContext | None

    @cached_property
    def host(self) -> str:
        """The host for the signature, with the port if the URL has one."""
        return urlsplit(self.url).netloc

    @cached_property
    def name(self) -> str:
        return urlsplit(self.url).hostname or ""

    @cached_property
    def port(self) -> int:
        at = urlsplit(self.url)
        return at.port or (443 if at.scheme == "https" else 80)

    def headers(self, operation: str, body: bytes) -> dict[str, str]:
        made = signed_headers(
            operation,
            body,
            host=self.host,
            region=self.region,
            keys=self.credentials.get_frozen_credentials(),
            moment=time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        )
        made["user-agent"] = "keywright"
        return made


@cache
def client() -> Line:
    """The same endpoint and credentials as the DynamoDB client has."""
    session, meta = botocore.session.get_session(), dynamo.client().meta
    roots = session.get_config_variable("ca_bundle") or get_cert_path(verify=True)
    url = meta.endpoint_url.removesuffix("/") + "/"
    return Line(
        url=url,
        region=meta.region_name,
        credentials=session.get_credentials(),
        events=copy(meta.events),
        certificates=ssl.create_default_context(cafile=roots) if url[:6] == "https:" else None,
    )


def send(operation: str, body: bytes, request: Request) -> Exchange[Any]:
    """Send a request until DynamoDB accepts it, and return the response.

    It is retried after errors of the network or the service, as botocore does, so a caller that
    writes must recognize its own earlier write. A throttled request is retried as long as `request`
    has patience. Raises ClientError if DynamoDB refuses it, and Busy after several failures.
    """
    while True:
        status, content = yield operation, body
        if status == 200:
            return orjson.loads(content)
        error = _error_in(content)
        if error["Code"] in THROTTLED:
            yield from request.throttled()
        elif status >= 500 or error["Code"] in TRANSIENT:
            yield from request.failed()
        else:
            reasons = error.pop("CancellationReasons", [])
            raise ClientError({"Error": error, "CancellationReasons": reasons}, operation)


def heard(operation: str, body: bytes) -> Answer | None:
    """The response of a `before-send` handler, which replaces DynamoDB's."""
    with _making:  # concurrent threads create it once
        line = client()
    event = f"before-send.dynamodb.{operation}"
    try:
        answers = line.events.emit(event, request=_Shown(line, operation, body))
    except HTTPClientError:
        return NO_ANSWER
    found = first_non_none_response(answers)
    return None if found is None else (found.status_code, found.content)


def message(operation: str, body: bytes) -> bytes:
    """The bytes of a signed request."""
    headers = client().headers(operation, body)
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    return f"POST / HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body


class _Shown(AWSPreparedRequest):
    """A request for event handlers, which is signed only if a handler reads its headers."""

    def __init__(self, line: Line, operation: str, body: bytes) -> None:
        self.method, self.url, self.body, self.stream_output = "POST", line.url, body, False
        self._line, self._operation = line, operation

    @cached_property
    def headers(self) -> Any:  # type: ignore[override]  # an attribute there
        headers: Any = self._line.headers(self._operation, self.body)  # type: ignore[arg-type]  # bytes
        return HeadersDict(headers)


def signed_headers(
    operation: str, body: bytes, *, host: str, region: str, keys: Any, moment: str
) -> dict[str, str]:
    """The headers of a request, signed with Signature Version 4 at `moment` (20260102T030405Z)."""
    headers = {
        "content-type": _JSON,
        "host": host,
        "x-amz-date": moment,
        "x-amz-target": f"DynamoDB_20120810.{operation}",
    }
    if keys.token:
        headers["x-amz-security-token"] = keys.token
    names = sorted(headers)
    listed = ";".join(names)
    lines = "".join([f"{name}:{headers[name]}\n" for name in names])
    string_to_sign = f"POST\n/\n\n{lines}\n{listed}\n{hashlib.sha256(body).hexdigest()}"
    scope = (moment[:8], region, "dynamodb", "aws4_request")
    text = "\n".join(
        (
            "AWS4-HMAC-SHA256",
            moment,
            "/".join(scope),
            hashlib.sha256(string_to_sign.encode()).hexdigest(),
        )
    )
    signature = hmac.digest(_signing_key(keys.secret_key, *scope), text.encode(), "sha256")
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys.access_key}/{'/'.join(scope)}, "
        f"SignedHeaders={listed}, Signature={signature.hex()}"
    )
    return headers


@lru_cache(maxsize=1)
def _signing_key(secret_key: str, *scope: str) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _error_in(content: bytes) -> Any:
    try:
        answer = orjson.loads(content)
    except orjson.JSONDecodeError:
        answer = {}
    code = str(answer.get("__type", "")).rpartition("#")[2]
    text = str(answer.get("message") or answer.get("Message") or "")
    return {
        "Code": code,
        "Message": text,
        "CancellationReasons": answer.get("CancellationReasons", []),
    }
