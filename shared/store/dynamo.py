"""DynamoDB: the client, conversion of records to items, and transactions with a known outcome.

Decisions never depend on an index: they use consistent reads of the table.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import botocore.session
import orjson
from botocore.config import Config
from botocore.exceptions import ClientError
from pydantic import BaseModel

from shared.errors import Busy
from shared.store.retry import SDK_ATTEMPTS, attempts
from shared.stored_json import stored_number
from shared.strict_json import INTEGERS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

type Item = dict[str, Any]
type Key = tuple[str, str] | tuple[str]
type Items = Iterator[dict[str, Any]]

# Shards of a company's lists, so that a single partition does not take all writes.
SHARDS = 4
# DynamoDB's own limit is 400 KB.
ITEM_BYTES = 390_000


@cache
def client() -> "DynamoDBClient":
    """The botocore client, created on first use; boto3 would only add import time."""
    config = Config(
        connect_timeout=1,
        read_timeout=3,
        retries={"mode": "standard", "total_max_attempts": SDK_ATTEMPTS},
        # Validation takes half of botocore's time; tests compare our requests with its models.
        parameter_validation=False,
    )
    made: DynamoDBClient = botocore.session.get_session().create_client("dynamodb", config=config)  # type: ignore[assignment]  # the stubs know only boto3's way
    return made


def table(env_name: str) -> str:
    """The name of a table, from the environment that the stack sets."""
    return os.environ[env_name]


def partition(company: str, id: int) -> str:
    """The partition key of a record with a partition of its own."""
    return f"{company}#{id}"


def shard(company: str, id: int) -> str:
    """The partition key of the shard that lists a record among others of its company."""
    return f"{company}#{id % SHARDS}"


def shards(company: str) -> list[str]:
    return [f"{company}#{shard}" for shard in range(SHARDS)]


@lru_cache(maxsize=100)
def stamp(moment: datetime) -> str:
    """A timestamp as text that sorts by time."""
    # Not strftime: its %Y does not pad years below 1000, which would then sort last.
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def record_item(record: BaseModel, **keys: Any) -> Item:
    """A record as an item with the keys `keys`, without fields that have their defaults."""
    return to_item({**record.model_dump(exclude_defaults=True), **keys})


def to_item(record: Mapping[str, Any]) -> Item:
    """A record as a DynamoDB item; None and empty values are left out."""
    item: Item = {}
    for name, value in record.items():
        kind = type(value)
        if kind is str:
            if value:
                item[name] = {"S": value}
        elif kind is int:
            item[name] = {"N": str(value)}
        elif value is not None and (value or isinstance(value, int | float | bytes)):
            item[name] = _to_value(value)
    return item


def from_item(item: Item) -> dict[str, Any]:
    """The reverse of `to_item`, without the omitted values; dates stay text."""
    return {name: _from_value(value) for name, value in item.items()}


def _to_value(value: Any) -> dict[str, Any]:
    kind = type(value)
    if kind is str:
        return {"S": value}
    if kind is int:
        return {"N": str(value)}
    if kind is bool:
        return {"BOOL": value}
    if kind is datetime:
        return {"S": value.isoformat()}
    match value:
        case dict():
            return {"M": {name: _to_value(part) for name, part in value.items()}}
        case list() | tuple():
            return {"L": [_to_value(part) for part in value]}
        case frozenset():
            return {"SS": sorted(value)}
        case str():
            return {"S": value}
        case int() | float():
            return {"N": repr(value).upper()}
        case bytes():
            return {"B": value}
        case datetime() | date():
            return {"S": value.isoformat()}
        case None:
            return {"NULL": True}
    raise TypeError(f"{type(value).__name__} has no place in an item")


def _from_value(value: dict[str, Any]) -> Any:
    ((kind, held),) = value.items()
    match kind:
        case "N":
            return _number(held)
        case "NULL":
            return None
        case "M":
            return {name: _from_value(part) for name, part in held.items()}
        case "L":
            return [_from_value(part) for part in held]
    return held


def _number(text: str) -> int | float:
    """A number as it was in the first response; DynamoDB writes 1E+2 in digits, and 1.0 as 1."""
    if len(text) < 19 and text.lstrip("-").isdigit():
        return int(text)
    if text.lstrip("-").isdigit() and int(text) in INTEGERS:
        return int(text)
    return stored_number(float(text))


def key_of(key: Key) -> Item:
    return {name: {"S": part} for name, part in zip(("pk", "sk"), key, strict=False)}


def key_in(item: Mapping[str, Any]) -> Key:
    return (item["pk"]["S"], item["sk"]["S"]) if "sk" in item else (item["pk"]["S"],)


def get(env_name: str, key: Key) -> dict[str, Any] | None:
    """One item, read consistently."""
    answer = client().get_item(TableName=table(env_name), Key=key_of(key), ConsistentRead=True)
    item = answer.get("Item")
    return from_item(item) if item else None


def get_many(
    keys: Iterable[tuple[str, Key]], *, select: Iterable[str] = ()
) -> dict[tuple[str, Key], dict[str, Any]]:
    """The items of `(table, key)` that exist, read consistently, 100 per request.

    `select` lists the attributes to read besides the key; by default, all of them.
    """
    found: dict[tuple[str, Key], dict[str, Any]] = {}
    wanted = list(dict.fromkeys(keys))
    names = {table(env_name): env_name for env_name, _ in wanted}
    for start in range(0, len(wanted), 100):
        request: dict[str, Any] = {}
        for env_name, key in wanted[start : start + 100]:
            read = {"ConsistentRead": True, "Keys": [], **_selected(select, len(key))}
            keyed = request.setdefault(table(env_name), read)
            keyed["Keys"].append(key_of(key))
        for _ in attempts():
            answer = client().batch_get_item(RequestItems=request)
            for name, items in answer["Responses"].items():
                for item in items:
                    found[names[name], key_in(item)] = from_item(item)
            request = answer.get("UnprocessedKeys") or {}
            if not request:
                break
        else:
            raise Busy
    return found


def write(operations: list[dict[str, Any]]) -> bool:
    """Write all `operations` or none, in one transaction. Returns whether they were written.

    False means that a condition failed: read and decide again, since this write may have been
    applied before, with its answer lost. Conflicts with other transactions are retried. Raises Busy
    if they do not end.
    """
    for _ in attempts():
        try:
            client().transact_write_items(TransactItems=operations)  # type: ignore[arg-type]  # built as plain dicts
            return True
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                raise
            reasons = error.response.get("CancellationReasons", [])
            codes = {reason.get("Code", "None") for reason in reasons} - {"None"}
            if "ConditionalCheckFailed" in codes:
                return False
            if "ValidationError" in codes or "ItemCollectionSizeLimitExceeded" in codes:
                raise
    raise Busy


def put(env_name: str, item: Item, condition: str | None = None, **values: Any) -> dict[str, Any]:
    """A Put for `write`; `values` are the condition's `:names`."""
    operation: dict[str, Any] = {"TableName": table(env_name), "Item": item}
    return {"Put": _conditional(operation, condition, values)}


def check(env_name: str, key: Key, condition: str, **values: Any) -> dict[str, Any]:
    """A ConditionCheck for `write`."""
    operation = {"TableName": table(env_name), "Key": key_of(key)}
    return {"ConditionCheck": _conditional(operation, condition, values)}


def delete(env_name: str, key: Key, condition: str | None = None, **values: Any) -> dict[str, Any]:
    """A Delete for `write`."""
    operation = {"TableName": table(env_name), "Key": key_of(key)}
    return {"Delete": _conditional(operation, condition, values)}


def update(
    env_name: str, key: Key, after: Mapping[str, Any], before: Mapping[str, Any]
) -> dict[str, Any]:
    """An Update for `write`, which sets attributes to `after` if they are `before`.

    None means that there is no such attribute.
    """
    names = {name: f"#a{n}" for n, name in enumerate({**after, **before})}
    sets = {name: value for name, value in after.items() if value is not None}
    expression = "SET " + ", ".join(f"{names[name]} = :after{names[name][1:]}" for name in sets)
    if removed := [names[name] for name in after if after[name] is None]:
        expression += " REMOVE " + ", ".join(removed)
    values = {f":after{names[name][1:]}": _to_value(value) for name, value in sets.items()}
    tests = []
    for name, value in before.items():
        if value is None:
            tests.append(f"attribute_not_exists({names[name]})")
        else:
            tests.append(f"{names[name]} = :before{names[name][1:]}")
            values[f":before{names[name][1:]}"] = _to_value(value)
    operation = {
        "TableName": table(env_name),
        "Key": key_of(key),
        "UpdateExpression": expression,
        "ConditionExpression": " AND ".join(tests),
        "ExpressionAttributeNames": {placed: name for name, placed in names.items()},
        "ExpressionAttributeValues": values,
    }
    return {"Update": operation}


def size_of(operation: Mapping[str, Any]) -> int:
    """An upper bound of the bytes that DynamoDB counts for an operation."""
    (part,) = operation.values()
    return len(orjson.dumps(part, default=lambda held: held.hex()))


def _conditional(
    operation: dict[str, Any], condition: str | None, values: Mapping[str, Any]
) -> dict[str, Any]:
    if condition:
        operation["ConditionExpression"] = condition
    if values:
        operation["ExpressionAttributeValues"] = {f":{k}": _to_value(v) for k, v in values.items()}
    return operation


def field_update(key: Key, fields: Mapping[str, Any], lock: str, seen: Any) -> dict[str, Any]:
    """The parameters of an UpdateItem that sets `fields`, if `lock` still has the value `seen`.

    A field that is None or empty is removed.
    """
    item = to_item(fields)
    places = {name: f"#a{n}" for n, name in enumerate(dict.fromkeys((*fields, lock)))}
    sets = [f"{places[name]} = :v{n}" for n, name in enumerate(item)]
    removed = [places[name] for name in fields if name not in item]
    return {
        "Key": key_of(key),
        "UpdateExpression": f"SET {', '.join(sets)}"
        + (f" REMOVE {', '.join(removed)}" if removed else ""),
        "ConditionExpression": f"{places[lock]} = :seen",
        "ExpressionAttributeNames": {place: name for name, place in places.items()},
        "ExpressionAttributeValues": {
            ":seen": _to_value(seen),
            **{f":v{n}": value for n, value in enumerate(item.values())},
        },
    }


class QueryPage(NamedTuple):
    """The result of one request of a query: the items, and whether there are more."""

    items: list[dict[str, Any]]
    more: bool


def query(env_name: str, condition: str, values: Mapping[str, str], **how: Any) -> Items:
    """The items of a partition, requested lazily; other arguments as for `query_pages`."""
    for page in query_pages(env_name, condition, values, **how):
        yield from page.items


def query_pages(
    env_name: str, condition: str, values: Mapping[str, str], **how: Any
) -> Iterator[QueryPage]:
    """The items of a partition, one page per request; other arguments as for `query_request`."""
    request = query_request(env_name, condition, values, **how)
    while True:
        answer = client().query(**request)
        yield query_page(answer)
        last = answer.get("LastEvaluatedKey")
        if not last:
            return
        request["ExclusiveStartKey"] = last


def query_page(answer: Mapping[str, Any]) -> QueryPage:
    return QueryPage([from_item(item) for item in answer["Items"]], "LastEvaluatedKey" in answer)


def query_request(
    env_name: str,
    condition: str,
    values: Mapping[str, str],
    *,
    index: str | None = None,
    forward: bool = True,
    limit: int | None = None,
    consistent: bool = False,
    select: Iterable[str] = (),
) -> dict[str, Any]:
    """The parameters of a Query; `limit` is the size of a page.

    `select` lists the attributes to read; by default, all of them.
    """
    request: dict[str, Any] = {
        "TableName": table(env_name),
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": {f":{name}": {"S": value} for name, value in values.items()},
        "ScanIndexForward": forward,
        **_selected(select),
    }
    if index:
        request["IndexName"] = index
    if consistent:
        request["ConsistentRead"] = True
    if limit:
        request["Limit"] = limit
    return request


def _selected(names: Iterable[str], keys: int = 0) -> dict[str, Any]:
    """A projection of these attributes and the first `keys` of the key's; of everything if none.

    All are spelled by placeholders: some of our names are reserved words of DynamoDB.
    """
    wanted = [*names]
    if not wanted:
        return {}
    keyed = ("pk", "sk")[:keys]
    placed = {f"#a{n}": name for n, name in enumerate(dict.fromkeys((*keyed, *wanted)))}
    return {"ProjectionExpression": ", ".join(placed), "ExpressionAttributeNames": placed}
