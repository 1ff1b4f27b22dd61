"""Requests to DynamoDB whose bodies are ours, signed and sent with next to nothing around them.

botocore spends more on one request (its endpoint rules, its user agent twice, its own way through
urllib3) than an import spends on the 25 records in it. Where the table is, who we are and which
certificates count are still botocore's to say, and what listens to its `before-send` still hears.
Connections are kept for whichever thread comes next.
"""

import hashlib
import hmac
import ssl
import threading
import time
import zlib
from collections import deque
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import orjson
from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.exceptions import ClientError, HTTPClientError
from botocore.hooks import first_non_none_response
from botocore.httpsession import get_cert_path

from shared.store import dynamo
from shared.store.patience import Request
from shared.store.retry import THROTTLED, TRANSIENT

_CONNECT_SECONDS, _READ_SECONDS = 1, 5
_JSON = "application/x-amz-json-1.0"
_making = threading.Lock()


@dataclass(frozen=True, eq=False)
class Line:
    """What is the same for all requests; credentials renew themselves, `events` are heard."""

    url: str
    host: str
    region: str
    credentials: Any
    events: Any
    certificates: ssl.SSLContext | None
    idle: deque[HTTPConnection] = field(default_factory=deque)

    def post(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """The status and the body of an answer, over a connection that is idle or new."""
        try:
            connection = self.idle.pop()
        except IndexError:
            connection = self._connected()
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        head = f"POST / HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n"
        try:
            connection.sock.sendall(head.encode() + body)
            answer = HTTPResponse(connection.sock, method="POST")
            answer.begin()
            content = answer.read()
            _check(content, answer.getheader("x-amz-crc32"))
        except BaseException:
            connection.close()
            self.hang_up()
            raise
        if answer.will_close:
            connection.close()
        else:
            self.idle.append(connection)
        return answer.status, content

    def hang_up(self) -> None:
        """Close what is idle: where one connection broke, those that slept as long have too."""
        with suppress(IndexError):
            while True:
                self.idle.pop().close()

    def _connected(self) -> HTTPConnection:
        context = self.certificates
        connection = (
            HTTPSConnection(self.host, timeout=_CONNECT_SECONDS, context=context)
            if context
            else HTTPConnection(self.host, timeout=_CONNECT_SECONDS)
        )
        connection.connect()
        connection.sock.settimeout(_READ_SECONDS)
        return connection


@cache
def client() -> Line:
    """The line to where the table's client would send, with listeners of its own."""
    session, meta = botocore.session.get_session(), dynamo.client().meta
    roots = session.get_config_variable("ca_bundle") or get_cert_path(verify=True)
    url = meta.endpoint_url.removesuffix("/") + "/"
    return Line(
        url=url,
        host=urlsplit(url).netloc,
        region=meta.region_name,
        credentials=session.get_credentials(),
        events=copy(meta.events),
        certificates=ssl.create_default_context(cafile=roots) if url[:6] == "https:" else None,
    )


def send(operation: str, body: bytes, request: Request) -> Any:
    """What DynamoDB answers. Sent again after a fault of the network or the service, as botocore
    would, so whoever writes must know its own work when it meets it; a throttled request, for as
    long as the `request` has patience.

    Raises ClientError if it refuses, and Busy if it fails several times in a row.
    """
    while True:
        try:
            status, content = _sent(operation, body)
        except (OSError, HTTPException, HTTPClientError):
            status, content = 503, b""
        if status == 200:
            return orjson.loads(content)
        told = _refusal(content)
        if told["Code"] in THROTTLED:
            request.throttled()
        elif status >= 500 or told["Code"] in TRANSIENT:
            request.failed()
        else:
            raise ClientError({"Error": told}, operation)


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


def _sent(operation: str, body: bytes) -> tuple[int, bytes]:
    with _making:  # threads that begin together make it once
        line = client()
    headers = signed_headers(
        operation,
        body,
        host=line.host,
        region=line.region,
        keys=line.credentials.get_frozen_credentials(),
        moment=time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
    )
    headers["user-agent"] = "keywright"
    shown: Any = HeadersDict(headers)
    request = AWSPreparedRequest("POST", line.url, shown, body, stream_output=False)
    event = f"before-send.dynamodb.{operation}"
    heard = first_non_none_response(line.events.emit(event, request=request))
    if heard is not None:
        return heard.status_code, heard.content
    return line.post(headers, body)


def _check(content: bytes, told: str | None) -> None:
    """Raise where this is not all that DynamoDB said, and only that."""
    if told is not None and int(told) != zlib.crc32(content):
        raise HTTPException("the answer does not have its checksum")


def _refusal(content: bytes) -> Any:
    try:
        told = orjson.loads(content)
    except orjson.JSONDecodeError:
        told = {}
    code = str(told.get("__type", "")).rpartition("#")[2]
    return {"Code": code, "Message": str(told.get("message") or told.get("Message") or "")}
