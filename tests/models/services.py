"""The services that are compared: our model, moto in this process, and emulators over HTTP."""

import http.client
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import urlsplit

import orjson
from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.credentials import ReadOnlyCredentials
from moto.core.models import botocore_stubber

from shared.store.signed import signed_headers
from tests.faults.attribute_values import Item
from tests.faults.dynamodb import DynamoDB, Table, tables_of
from tests.faults.rules import Refusal
from tests.moto_tables import local_template

type Body = dict[str, Any]
type Items = dict[str, Item]
"""The items of a table by their keys."""

REGION = "us-east-1"
_SETTINGS = ("KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "BillingMode")
_CREDENTIALS = ReadOnlyCredentials("testing", "testing", None)


@dataclass(frozen=True)
class Answer:
    """What a service answered: a body, or an error code with a transaction's reasons."""

    body: Body = field(default_factory=dict)
    code: str = ""
    reasons: tuple[str, ...] = ()
    rule: str = ""
    """Why our model refuses; not compared."""

    def same(self, other: "Answer") -> bool:
        return (self.body, self.code, self.reasons) == (other.body, other.code, other.reasons)

    def __str__(self) -> str:
        if not self.code:
            return orjson.dumps(self.body).decode()
        return " ".join([self.code, *self.reasons, f"({self.rule})" if self.rule else ""]).strip()


class Service(Protocol):
    """One DynamoDB, with the tables of the template."""

    def answer(self, operation: str, body: Body) -> Answer: ...

    def contents_of(self, name: str) -> Items: ...

    def load(self, contents: Mapping[str, Items]) -> None: ...


def template_tables() -> dict[str, Table]:
    """The product's tables, empty, by their logical ids; of several with the same keys, one."""
    found: dict[tuple[object, ...], tuple[str, Table]] = {}
    for name, table in tables_of(local_template()):
        found.setdefault((table.names, *table.indexes.items()), (name, table))
    return dict(found.values())


class Model:
    """Our model."""

    def __init__(self) -> None:
        self.tables = template_tables()
        self.dynamodb = DynamoDB(self.tables, now=lambda: 0.0)

    def answer(self, operation: str, body: Body) -> Answer:
        replayed = body.get("ClientRequestToken") in self.dynamodb.tokens
        try:
            answer = answered(self.dynamodb.answer(operation, orjson.loads(orjson.dumps(body))))
            return replace(answer, rule="token_replayed" if replayed else "")
        except Refusal as refusal:
            return refused(orjson.dumps(refusal.body), rule=refusal.rule)

    def contents(self) -> dict[str, Items]:
        """Every table."""
        return {name: self.contents_of(name) for name in self.tables}

    def contents_of(self, name: str) -> Items:
        return _by_key(self.tables[name], self.tables[name].items.values())

    def load(self, contents: Mapping[str, Items]) -> None:
        for name, table in self.tables.items():
            table.items = {table.key(item): item for item in contents[name].values()}
            table.undone.clear()
        self.dynamodb.tokens.clear()


class Wired:
    """A service that takes requests as bytes; what is sent and read is the same for all."""

    def __init__(self, tables: dict[str, Table] | None = None) -> None:
        self.tables = template_tables() if tables is None else tables

    def post(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        raise NotImplementedError

    def host(self) -> str:
        return f"dynamodb.{REGION}.amazonaws.com"

    def answer(self, operation: str, body: Body) -> Answer:
        status, content = self._send(operation, body)
        return answered(orjson.loads(content)) if status == 200 else refused(content, status)

    def load(self, contents: Mapping[str, Items]) -> None:
        """Make the tables hold this and nothing else."""
        for name, table in self.tables.items():
            held = self.contents_of(name)
            requests: list[Body] = [
                {"DeleteRequest": {"Key": {n: item[n] for n in table.names if n in item}}}
                for key, item in held.items()
                if key not in contents[name]
            ]
            requests += [
                {"PutRequest": {"Item": item}}
                for key, item in contents[name].items()
                if held.get(key) != item
            ]
            if not self._written(name, requests):
                # It holds an item that it does not let go of, such as one under a key too long.
                self.expect("DeleteTable", {"TableName": name})
                self._make_table(name)
                puts = [{"PutRequest": {"Item": item}} for item in contents[name].values()]
                assert self._written(name, puts), f"{name} can't be loaded"

    def contents_of(self, name: str) -> Items:
        found: list[Item] = []
        body: Body = {"TableName": name, "ConsistentRead": True}
        while True:
            answer = self.expect("Scan", body)
            found += answer["Items"]
            if not (last := answer.get("LastEvaluatedKey")):
                return _by_key(self.tables[name], found)
            body["ExclusiveStartKey"] = last

    def make_tables(self) -> None:
        """Make the tables of the template, and wait until they are there."""
        for name in self.tables:
            self._make_table(name)

    def _make_table(self, name: str) -> None:
        given = local_template()["Resources"][name]["Properties"]
        settings = {key: given[key] for key in _SETTINGS if given.get(key)}
        self.expect("CreateTable", {"TableName": name, **settings})
        for _ in range(200):
            status = self.expect("DescribeTable", {"TableName": name})["Table"]["TableStatus"]
            if status == "ACTIVE":
                return
            time.sleep(0.02)
        raise AssertionError(f"{name} does not become active")

    def _written(self, name: str, requests: list[Body]) -> bool:
        """Whether the service carried out these requests of BatchWriteItem."""
        for start in range(0, len(requests), 25):
            body = {"RequestItems": {name: requests[start : start + 25]}}
            if self._send("BatchWriteItem", body)[0] != 200:
                return False
        return True

    def drop_tables(self) -> None:
        for name in self.tables:
            self.expect("DeleteTable", {"TableName": name})

    def close(self) -> None:
        """Let go of what it holds open."""

    def expect(self, operation: str, body: Body) -> Body:
        """What the service answers to a request that it must carry out."""
        status, content = self._send(operation, body)
        assert status == 200, f"{type(self).__name__} {operation}: {status} {content[:500]!r}"
        answer: Body = orjson.loads(content)
        return answer

    def _send(self, operation: str, body: Body) -> tuple[int, bytes]:
        sent = orjson.dumps(body)
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        headers = signed_headers(
            operation,
            sent,
            host=self.host(),
            region=REGION,
            keys=_CREDENTIALS,
            moment=moment,
        )
        return self.post(headers, sent)


class Moto(Wired):
    """moto, inside of `mock_aws`."""

    def post(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        shown: Any = HeadersDict(headers)
        request = AWSPreparedRequest(
            "POST", f"https://{self.host()}/", shown, body, stream_output=False
        )
        try:
            answer = botocore_stubber("before-send", request)
        except Exception as error:  # noqa: BLE001  # where moto crashes, its server answers 500
            return 500, orjson.dumps({"__type": f"#{type(error).__name__}"})
        assert answer is not None, "moto is not on"
        return answer.status_code, answer.content


class Emulator(Wired):
    """An emulator that listens on a port of this machine."""

    def __init__(self, url: str, tables: dict[str, Table] | None = None) -> None:
        super().__init__(tables)
        self._host = urlsplit(url).netloc
        self._connection = http.client.HTTPConnection(self._host, timeout=30)

    def host(self) -> str:
        return self._host

    def close(self) -> None:
        self._connection.close()

    def post(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        for attempt in range(2):  # an idle connection may have been closed
            try:
                self._connection.request("POST", "/", body, headers)
                answer = self._connection.getresponse()
                return answer.status, answer.read()
            except (ConnectionError, http.client.HTTPException):
                self._connection.close()
                if attempt:
                    raise
        raise AssertionError("unreachable")


def answered(body: Body) -> Answer:
    """A 200, without what no caller relies on: order where there is none, empty members."""
    told = {
        name: held
        for name, held in body.items()
        if name not in ("ConsumedCapacity", "ItemCollectionMetrics") and held not in ({}, None)
    }
    if _by_table(told):
        told["Responses"] = {
            name: sorted(map(_sorted, items), key=orjson.dumps)
            for name, items in told["Responses"].items()
            if items
        }
    for name in ("Item", "Attributes"):
        if name in told:
            told[name] = _sorted(told[name])
    if "Items" in told:
        told["Items"] = [_sorted(item) for item in told["Items"]]
    if isinstance(told.get("Responses"), list):
        told["Responses"] = [each.get("Error", {}).get("Code", "") for each in told["Responses"]]
    return Answer(told)


def refused(content: bytes, status: int = 400, rule: str = "") -> Answer:
    """An error: its code, and of a transaction the code of each reason."""
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return Answer(code=f"HTTP {status}")
    code = str(body.get("__type", f"HTTP {status}")).rpartition("#")[2]
    reasons = body.get("CancellationReasons") or ()
    return Answer(code=code, reasons=tuple(each.get("Code", "None") for each in reasons), rule=rule)


def _by_table(told: Mapping[str, Any]) -> bool:
    return isinstance(told.get("Responses"), dict)


def _sorted(item: Any) -> Any:
    return dict(sorted(item.items()))


def _by_key(table: Table, items: Iterable[Item]) -> Items:
    return {_shown_key(table, item): _sorted(item) for item in items}


def _shown_key(table: Table, item: Item) -> str:
    """The key of an item; a service may hold one that has none, or no string."""
    parts = [item.get(name, {}) for name in table.names]
    return "/".join(part["S"] if "S" in part else str(part) for part in parts)
