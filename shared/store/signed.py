"""Requests to DynamoDB whose bodies are ours, signed and sent with next to nothing around them.

botocore spends more on one request (its endpoint rules, its user agent twice, its own way through
urllib3) than an import spends on the 25 records in it. Where the table is, who we are, how it is
signed and which certificates count are still botocore's to say, and what listens to its
`before-send` still hears. Each thread keeps a connection of its own.
"""

import ssl
import threading
from copy import copy
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import orjson
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError, HTTPClientError
from botocore.httpsession import get_cert_path

from shared.errors import Busy
from shared.store import dynamo

_TRIES = 6
_CONNECT_SECONDS, _READ_SECONDS = 1, 5
_JSON = "application/x-amz-json-1.0"
_AGAIN = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)

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
    held: threading.local = field(default_factory=threading.local)

    def post(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """The status and the body of an answer, over this thread's connection."""
        connection: HTTPConnection | None = getattr(self.held, "connection", None)
        if connection is None:
            connection = self.held.connection = self._connected()
        try:
            connection.request("POST", "/", body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except BaseException:
            self._dropped(connection)
            raise
        if answer.will_close:
            self._dropped(connection)
        return answer.status, content

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

    def _dropped(self, connection: HTTPConnection) -> None:
        connection.close()
        self.held.connection = None


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


def send(operation: str, body: bytes) -> Any:
    """What DynamoDB answers. Sent again after a fault of the network or the service, as botocore
    would, so whoever writes must know its own work when it meets it.

    Raises ClientError if it refuses, and Busy if it has no room for long.
    """
    for attempt in range(_TRIES):
        try:
            status, content = _sent(operation, body)
        except (OSError, HTTPException, HTTPClientError):
            status, content = 503, b""
        if status == 200:
            return orjson.loads(content)
        told = _refusal(content)
        if status < 500 and told["Code"] not in _AGAIN:
            raise ClientError({"Error": told}, operation)
        dynamo.wait(attempt)
    raise Busy


def _sent(operation: str, body: bytes) -> tuple[int, bytes]:
    with _making:  # threads that begin together make it once
        line = client()
    target = {"X-Amz-Target": f"DynamoDB_20120810.{operation}", "Content-Type": _JSON}
    asked = AWSRequest("POST", line.url, data=body, headers=target)
    keys = line.credentials.get_frozen_credentials()
    SigV4Auth(keys, "dynamodb", line.region).add_auth(asked)
    request = asked.prepare()
    event = f"before-send.dynamodb.{operation}"
    _, heard = line.events.emit_until_response(event, request=request)
    if heard is not None:
        return heard.status_code, heard.content
    return line.post(dict(request.headers.items()), body)


def _refusal(content: bytes) -> Any:
    try:
        told = orjson.loads(content)
    except orjson.JSONDecodeError:
        told = {}
    code = str(told.get("__type", "")).rpartition("#")[2]
    return {"Code": code, "Message": str(told.get("message") or told.get("Message") or "")}
