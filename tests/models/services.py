"""The services that are compared: our model, moto in this process, and emulators over HTTP."""

import http.client
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol
from urllib.parse import urlsplit

import orjson
from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.credentials import ReadOnlyCredentials
from moto.core.models import botocore_stubber

from shared.store.signed_http import signed_headers
from tests.faults.attribute_values import Item
from tests.faults.dynamodb import DynamoDB
from tests.faults.rules import Refusal
from tests.faults.tables import Table, tables_of
from tests.models.answers import Answer, Body, answered, refused, sorted_item
from tests.moto_tables import local_template

type Items = dict[str, Item]
"""The items of a table by their keys."""

REGION = "us-east-1"
_SETTINGS = ("KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "BillingMode")
_CREDENTIALS = ReadOnlyCredentials("testing", "testing", None)


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


def _by_key(table: Table, items: Iterable[Item]) -> Items:
    return {_shown_key(table, item): sorted_item(item) for item in items}


def _shown_key(table: Table, item: Item) -> str:
    """The key of an item; a service may hold one that has none, or no string."""
    parts = [item.get(name, {}) for name in table.names]
    return "/".join(part["S"] if "S" in part else str(part) for part in parts)
