"""Requests to DynamoDB whose bodies are ours, signed and sent with next to nothing around them.

botocore spends more on one request (its endpoint rules, its user agent twice, its own way through
urllib3) than an import spends on the 25 records in it. Where the table is, who we are and which
certificates count are still botocore's to say, and what listens to its `before-send` still hears.

An exchange is a generator: it yields a request and is sent the answer, or yields a number of
seconds to pause. `shared.store.sender` runs many exchanges at once.
"""

import hashlib
import hmac
import ssl
import threading
import time
from collections.abc import Generator
from copy import copy
from dataclasses import dataclass
from functools import cache, cached_property
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
"""Requests as `(operation, body)` and pauses in seconds; a request is answered by an `Answer`."""

_JSON = "application/x-amz-json-1.0"
_making = threading.Lock()


@dataclass(frozen=True, eq=False)
class Line:
    """What is the same for all requests; credentials renew themselves, `events` are heard."""

    url: str
    region: str
    credentials: Any
    events: Any
    certificates: ssl.SSLContext | None

    @cached_property
    def host(self) -> str:
        """The host as it is signed, with the port if the URL has one."""
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
    """The line to where the table's client would send, with listeners of its own."""
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
    """What DynamoDB answers. Sent again after a fault of the network or the service, as botocore
    would, so whoever writes must know its own work when it meets it; a throttled request, for as
    long as the `request` has patience.

    Raises ClientError if it refuses, and Busy if it fails several times in a row.
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
            raise ClientError({"Error": error}, operation)


def heard(operation: str, body: bytes) -> Answer | None:
    """The answer of a listener to `before-send`, in the place of DynamoDB's."""
    with _making:  # threads that begin together make it once
        line = client()
    event = f"before-send.dynamodb.{operation}"
    try:
        answers = line.events.emit(event, request=_Shown(line, operation, body))
    except HTTPClientError:
        return NO_ANSWER
    found = first_non_none_response(answers)
    return None if found is None else (found.status_code, found.content)


def message(operation: str, body: bytes) -> bytes:
    """A signed request as it goes over the wire."""
    headers = client().headers(operation, body)
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    return f"POST / HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body


class _Shown(AWSPreparedRequest):
    """A request as listeners see it. It is signed for them only if one of them looks."""

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
    """The headers of a request with its Signature Version 4; `moment` is like 20260102T030405Z."""
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
    asked = f"POST\n/\n\n{lines}\n{listed}\n{hashlib.sha256(body).hexdigest()}"
    scope = (moment[:8], region, "dynamodb", "aws4_request")
    text = "\n".join(
        ("AWS4-HMAC-SHA256", moment, "/".join(scope), hashlib.sha256(asked.encode()).hexdigest())
    )
    key = f"AWS4{keys.secret_key}".encode()
    for part in (*scope, text):
        key = hmac.digest(key, part.encode(), "sha256")
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys.access_key}/{'/'.join(scope)}, "
        f"SignedHeaders={listed}, Signature={key.hex()}"
    )
    return headers


def _error_in(content: bytes) -> Any:
    try:
        told = orjson.loads(content)
    except orjson.JSONDecodeError:
        told = {}
    code = str(told.get("__type", "")).rpartition("#")[2]
    return {"Code": code, "Message": str(told.get("message") or told.get("Message") or "")}
