"""PartiQL INSERT over moto, which has none: as much of it as the import uses, and no more.

A statement inserts one record if nothing is at its place, each for itself, in the order of the
batch. One key twice in a batch refuses all of it: AWS's pages do not say what happens then, so the
import must not send it. What the local emulator makes of INSERT is compared in
`tests/e2e/test_models.py`.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ReadTimeoutError

from shared.store import bulk, dynamo
from tests.emulated import carry_out
from tests.wiretap import Killed, answer, instead_of_moto

_INSERT = re.compile(r'INSERT INTO "([^"]+)" VALUE \{(.*)\}')
_MOST = 25


@dataclass
class Inserts:
    """What was sent, and the faults that wait: by the number of the batch, from 1."""

    batches: list[list[dict[str, Any]]] = field(default_factory=list)
    faults: dict[int, str] = field(default_factory=dict)
    """`lost` carries a batch out and answers nothing, `throttled` does so to every second
    statement without carrying it out, `failed` to all; `killed_before` and `killed_after` end
    the process."""
    throttles: Callable[[], bool] = lambda: False
    """Whether DynamoDB has no capacity now: every other request is throttled
    as a whole, the others statement by statement."""

    def take(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        if not _text(request.headers["X-Amz-Target"]).endswith(".BatchExecuteStatement"):
            return carry_out(request)
        statements = json.loads(_text(request.body))["Statements"]
        self.batches.append(statements)
        fault = self.faults.pop(len(self.batches), None)
        if fault == "killed_before":
            raise Killed
        if fault is None and self.throttles():
            if len(self.batches) % 2:
                code = "ProvisionedThroughputExceededException"
                return answer(request, 400, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}"})
            errors = [{"Error": {"Code": "ProvisionedThroughputExceeded"}} for _ in statements]
            return answer(request, 200, {"Responses": errors})
        if fault == "failed":
            return answer(request, 500, {"__type": "InternalServerError"})
        places = [_place(statement) for statement in statements]
        if not 1 <= len(statements) <= _MOST or len({str(p) for p in places}) < len(places):
            return answer(request, 400, {"__type": "ValidationException"})
        answers = [
            {"Error": {"Code": "ThrottlingError"}}
            if fault == "throttled" and number % 2
            else _inserted(*place)
            for number, place in enumerate(places)
        ]
        if fault == "lost":
            raise ReadTimeoutError(endpoint_url=request.url)
        if fault == "killed_after":
            raise Killed
        return answer(request, 200, {"Responses": answers})


@contextmanager
def inserting() -> Iterator[Inserts]:
    """Serves the bulk client's INSERTs for a while."""
    inserts = Inserts()
    bulk.client.cache_clear()
    try:
        with instead_of_moto(bulk.client().events, "dynamodb", inserts.take):
            yield inserts
    finally:
        bulk.client.cache_clear()


def _place(statement: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The table and the item of a statement."""
    found = _INSERT.fullmatch(statement["Statement"])
    assert found, statement["Statement"]
    names = [name.removesuffix(":?").strip("'") for name in found[2].split(",")]
    return found[1], dict(zip(names, statement["Parameters"], strict=True))


def _inserted(table: str, item: dict[str, Any]) -> dict[str, Any]:
    client = dynamo.client()
    try:
        client.put_item(TableName=table, Item=item, ConditionExpression="attribute_not_exists(pk)")
    except client.exceptions.ConditionalCheckFailedException:
        return {"Error": {"Code": "DuplicateItem"}, "TableName": table}
    return {"TableName": table}


def _text(sent: Any) -> str:
    return sent.decode() if isinstance(sent, bytes) else str(sent)
