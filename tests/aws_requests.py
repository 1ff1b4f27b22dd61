"""Validate every request that tests send to AWS against AWS's service models.

botocore ships the service models and checks its callers' parameters by them, but no limits, and it
never sees the bodies that `shared.store.bulk` writes by hand. Here the bytes on the wire are
checked: members, types, required ones, lengths, numbers of parts, and enumerations. A request of
DynamoDB goes through our own model too, on empty tables, for the rules that no service model says:
expressions, keys, sizes (`tests/faults/rules.py`).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson
from botocore.handlers import BUILTIN_HANDLERS
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.session import Session

from tests.faults.dynamodb import DynamoDB, Table, tables_of
from tests.faults.expressions import Unmodelled
from tests.faults.rules import Refusal
from tests.moto_tables import local_template

_SERVICES = {"DynamoDB_20120810": "dynamodb", "AWSStepFunctions": "stepfunctions"}
_BY_STATE = frozenset({"update_operand", "update_type"})
"""Rules that depend on what a table holds, which here is nothing."""
_SHORT = 255
UNLIMITED = {"S": str, "N": str, "BOOL": bool}
"""Members of an AttributeValue of which the service model says the type and nothing else."""
_TOTALS: dict[str, tuple[int, Callable[[Any], int]]] = {
    "BatchGetItem": (100, lambda body: sum(len(t["Keys"]) for t in body["RequestItems"].values())),
    "BatchWriteItem": (25, lambda body: sum(map(len, body["RequestItems"].values()))),
}
"""Limits over all tables of a request, which the service model gives for each table only."""


@dataclass
class Heard:
    """What was sent while it was listened to, and what is wrong with it."""

    counted: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


_listening: list[Heard] = []


def hear(request: Any, **_: Any) -> None:
    """Check a request on its way; botocore calls each handler of `before-send`."""
    target = _text(request.headers.get("X-Amz-Target", ""))
    prefix, _dot, operation = target.partition(".")
    if not _listening or prefix not in _SERVICES:
        return
    heard = _listening[-1]
    heard.counted[operation] += 1
    body = orjson.loads(request.body)
    heard.faults += [f"{operation} {fault}" for fault in faults_in(prefix, operation, body)]


BUILTIN_HANDLERS.append(("before-send", hear))


@contextmanager
def heard_requests() -> Iterator[Heard]:
    """Listens for a while."""
    _listening.append(Heard())
    try:
        yield _listening[-1]
    finally:
        _listening.pop()


def faults_in(prefix: str, operation: str, body: Any) -> list[str]:
    """What is wrong with a request, by the service's model and by ours."""
    model = _operation(prefix, operation)
    if model is None:
        return ["is no operation of the service"]
    found = list(_checked(model.input_shape, body, ""))
    if not found and operation in _TOTALS:
        most, count = _TOTALS[operation]
        if count(body) > most:
            found.append(f"has {count(body)} parts, {most} are allowed")
    if not found and _SERVICES[prefix] == "dynamodb":
        found += _refused(operation, body)
    return found


def _refused(operation: str, body: Any) -> list[str]:
    """By which rule DynamoDB refuses a request, whatever its tables hold."""
    try:
        DynamoDB(_empty_tables(), now=lambda: 0.0).answer(operation, body)
    except Unmodelled:
        # Not known to the model, such as the Scan of an operator's command, is not wrong.
        return []
    except Refusal as refusal:
        if refusal.rule and refusal.rule not in _BY_STATE:
            return [f"is refused: {refusal.body['message']}"]
    return []


def _empty_tables() -> dict[str, Table]:
    return {name: Table(table.names, table.indexes) for name, table in _tables().items()}


@cache
def _tables() -> dict[str, Table]:
    return dict(tables_of(local_template()))


def _checked(shape: Shape | None, value: Any, at: str) -> Iterator[str]:
    match shape and shape.type_name:
        case "structure":
            yield from _structure(shape, value, at)
        case "list":
            yield from _sized(shape, value, list, at)
            for number, part in enumerate(value if isinstance(value, list) else ()):
                yield from _checked(_part(shape, "member"), part, f"{at}/{number}")
        case "map":
            if _is_plain_record(shape, value):
                return
            yield from _sized(shape, value, dict, at)
            for name, part in value.items() if isinstance(value, dict) else ():
                yield from _checked(_part(shape, "key"), name, f"{at}/{name}")
                yield from _checked(_part(shape, "value"), part, f"{at}/{name}")
        case "string" | "blob" | "timestamp":
            yield from _sized(shape, value, str, at)
            yield from _worded(shape, value, at)
        case "boolean":
            if not isinstance(value, bool):
                yield f"{at}: {value!r} is no boolean"
        case "integer" | "long":
            yield from _counted(shape, value, at)
        case other:
            yield f"{at}: {other} is not known here"


def _structure(shape: Any, value: Any, at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: {value!r} is no structure"
        return
    if shape.name == "AttributeValue" and _is_unlimited(value):
        return
    for name in value.keys() - shape.members.keys():
        yield f"{at}/{name}: no member of {shape.name}"
    for name in set(shape.required_members) - value.keys():
        yield f"{at}/{name}: required by {shape.name}"
    if shape.name == "AttributeValue" and len(value) != 1:
        yield f"{at}: an AttributeValue has one type, not {sorted(value)}"
    for name in value.keys() & shape.members.keys():
        yield from _checked(shape.members[name], value[name], f"{at}/{name}")


def _is_plain_record(shape: Any, value: Any) -> bool:
    """Whether a record or a key has such values only, under names that are surely short enough."""
    return (
        shape.value.name == "AttributeValue"
        and isinstance(value, dict)
        and not shape.metadata
        and all(len(name) < _SHORT and _is_unlimited(part) for name, part in value.items())
    )


def _is_unlimited(value: Any) -> bool:
    """Whether an attribute's value has one type, and is of it: most are, and need no long look."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    ((name, part),) = value.items()
    return type(part) is UNLIMITED.get(name)


def _sized(shape: Any, value: Any, kind: type, at: str) -> Iterator[str]:
    if not isinstance(value, kind) or not isinstance(value, Sized):
        yield f"{at}: {value!r} is no {shape.type_name}"
        return
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", float("inf"))
    if not least <= len(value) <= most:
        yield f"{at}: {len(value)} long, {least} to {most} are allowed"


def _worded(shape: Any, value: Any, at: str) -> Iterator[str]:
    if isinstance(value, str):
        if shape.type_name == "string" and shape.enum and value not in shape.enum:
            yield f"{at}: {value!r} is none of {shape.enum}"
        pattern = shape.metadata.get("pattern")
        if pattern and not re.fullmatch(pattern, value, re.DOTALL):
            yield f"{at}: {value!r} does not match {pattern}"


def _counted(shape: Any, value: Any, at: str) -> Iterator[str]:
    if not isinstance(value, int) or isinstance(value, bool):
        yield f"{at}: {value!r} is no number"
    elif not shape.metadata.get("min", value) <= value <= shape.metadata.get("max", value):
        yield f"{at}: {value} is out of range"


def _part(shape: Any, name: str) -> Shape:
    part: Shape = getattr(shape, name)
    return part


@cache
def _service(name: str) -> ServiceModel:
    return Session().get_service_model(name)


def _operation(prefix: str, name: str) -> OperationModel | None:
    service = _service(_SERVICES[prefix])
    return service.operation_model(name) if name in service.operation_names else None


def _text(sent: Any) -> str:
    return sent.decode() if isinstance(sent, bytes) else str(sent)
