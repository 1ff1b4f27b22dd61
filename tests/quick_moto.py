"""Patches of moto that make it faster, with the same checks.

Its HTTP layer, its copies of whole tables and its searches of whole tables took most of the time of
handlers' tests. What an operation checks and does stays moto's own, except where DynamoDB does
otherwise.
"""

from base64 import b64encode
from contextvars import ContextVar
from copy import copy, deepcopy
from decimal import Decimal
from functools import cache
from types import SimpleNamespace
from typing import Any

import orjson
import wrapt
from botocore import xform_name
from botocore.awsrequest import AWSPreparedRequest
from moto import backend_index
from moto.core import models, responses
from moto.core.base_backend import BaseBackend
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.exceptions import ServiceException
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.responses import ActionResult
from moto.core.serialize import SERVICE_SPECIFIC_SERIALIZERS, JSONSerializer
from moto.core.utils import get_service_model, method_names_from_class
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler
from werkzeug.exceptions import HTTPException

from tests.light_botocore import ON_RECORDS

type _Answer = tuple[int, dict[str, Any], str | bytes]

_URLS: Any = vars(BaseBackend)["urls"].fget
_made: dict[tuple[type, str], Any] = {}
_JSON = "application/x-amz-json-1.0"
_REGION = "us-east-1"
_MOST_BYTES = 405_000
"""As in moto's LimitedSizeDict."""


class _Plain(JSONSerializer):
    """DynamoDB's answers have the names of the wire already; moto looks for others too."""

    def get_value(self, value: Any, key: str, shape: Any) -> Any:
        return value.get(key) if isinstance(value, dict) else super().get_value(value, key, shape)


def _process(process: Any, _: BotocoreStubber, args: Any, named: Any) -> _Answer | None:
    """Answer an operation on records; all others, and binary values, are left to moto."""
    request: AWSPreparedRequest = args[0]
    service, _dot, operation = _text(request.headers.get("X-Amz-Target", "")).partition(".")
    if service == "DynamoDB_20120810" and operation in ON_RECORDS:
        body = _text(request.body)
        if '"B":' not in body:
            return _answer(operation, orjson.loads(body))
    answer: _Answer | None = process(*args, **named)
    return answer


def _answer(operation: str, body: Any) -> _Answer:
    handler = DynamoHandler()
    handler.body, handler.querystring = body, {}
    handler.region, handler.current_account = _REGION, DEFAULT_ACCOUNT_ID
    handler.headers = {"X-Amz-Target": f".{operation}", "Content-Type": _JSON}
    handler.response_headers = {}
    try:
        done = getattr(handler, xform_name(operation))()
    except ServiceException as refused:
        answer: _Answer = handler.serialized(ActionResult(refused))
        return answer
    except HTTPException as refused:
        return int(refused.code or 400), dict(refused.get_headers()), str(refused.description)
    members = _members(operation)
    body = {key: part for key, part in done.result.items() if key in members and part is not None}
    return 200, {"Content-Type": _JSON}, orjson.dumps(body, default=_base64)


def _base64(value: bytes) -> str:
    return b64encode(value).decode()


@cache
def _members(operation: str) -> frozenset[str]:
    """The members of the service's answer; some answers of moto have more."""
    shape: Any = get_service_model("dynamodb").operation_model(operation).output_shape
    return frozenset(shape.members)


def _text(sent: Any) -> str:
    return sent.decode() if isinstance(sent, bytes) else str(sent)


def _urls(backend: BaseBackend) -> Any:
    """Compute the URLs of a backend once; moto computes them for each request."""
    made = type(backend), backend.region_name
    if made not in _made:
        _made[made] = _URLS(backend)
    return _made[made]


def spelled_by_dynamodb(number: str) -> str:
    """A number as DynamoDB answers it, which keeps its value and not its spelling.

    AWS: "Leading and trailing zeroes are trimmed." Numbers of more than 38 digits keep an exponent
    here, because moto itself reads none that is longer.
    """
    value = Decimal(number).normalize()
    return format(value, "f") if abs(value.adjusted()) < 38 else str(value)


_init = DynamoType.__init__
_cast_value: Any = vars(DynamoType)["cast_value"].fget


def _init_as_dynamodb(self: DynamoType, type_as_dict: Any) -> None:
    """Have moto keep a number as DynamoDB does."""
    _init(self, type_as_dict)
    if self.type == "N":
        self.value = spelled_by_dynamodb(self.value)


def _cast(self: DynamoType) -> Any:
    """Return text at once, without moto's comparisons of types; most values are text."""
    return self.value if self.type == "S" else _cast_value(self)


def _item(self: Item, hash_key: Any, range_key: Any, attrs: dict[str, Any]) -> None:
    """Moto's own, but it adds up the sizes of all attributes once and not for each of them."""
    self.hash_key, self.range_key = hash_key, range_key
    self.attrs = LimitedSizeDict()
    for name, value in attrs.items():
        dict.__setitem__(self.attrs, name, DynamoType(value))
    if self.size() > _MOST_BYTES:
        raise ItemSizeTooLarge


def _project(project: Any, item: Item, args: Any, named: Any) -> Any:
    """Select attributes directly; moto converts the whole record to JSON for each of them."""
    (paths,) = args
    if any(len(path) > 1 or "[" in path[0] for path in paths):
        return project(*args, **named)
    held = {name: item.attrs[name] for (name,) in paths if name in item.attrs}
    return Item(item.hash_key, item.range_key, held)


_kept: ContextVar[dict[int, Table] | None] = ContextVar("kept", default=None)
"""In a transaction, the tables as they were at its beginning."""


def _copy_of(table: Table, memo: dict[int, Any]) -> Table:
    """A copy of a table: in a transaction always the same, which shares the table's records."""
    kept = _kept.get()
    if kept is None:
        made = copy(table)
        vars(made).update(deepcopy(vars(table), memo))
        return made
    if id(table) not in kept:
        kept[id(table)] = made = copy(table)
        made.items = copy(table.items)
        if table.has_range_key:
            made.items.update({key: dict(records) for key, records in table.items.items()})
    return kept[id(table)]


def _transact(transact: Any, _: DynamoDBBackend, args: Any, named: Any) -> Any:
    """Copy each table once; moto copies all for each operation of a transaction."""
    token = _kept.set({})
    try:
        return transact(*args, **named)
    finally:
        _kept.reset(token)


def _update(update: Any, backend: DynamoDBBackend, args: Any, named: Any) -> Any:
    """Copy a record before moto changes it in place: the table's copy shares it."""
    if _kept.get() is not None:
        name, key = args
        table = backend.get_table(name)
        hash_key, range_key = backend.get_keys_value(table, key)
        if record := table.get_item(hash_key, range_key):
            records: Any = table.items[hash_key] if range_key else table.items
            records[range_key or hash_key] = deepcopy(record)
    return update(*args, **named)


_partition: ContextVar[DynamoType | None] = ContextVar("partition", default=None)
"""In a query of a table, the partition that it reads."""


def _query(query: Any, _: Table, args: Any, named: Any) -> Any:
    """Note the partition, so that `_all_items` returns it alone; moto sorts the whole table."""
    hash_key, index = args[0], args[7]
    token = _partition.set(None if index else hash_key)
    try:
        return query(*args, **named)
    finally:
        _partition.reset(token)


def _all_items(all_items: Any, table: Table, args: Any, named: Any) -> Any:
    partition = _partition.get()
    if partition is None:
        return all_items(*args, **named)
    records: Any = table.items.get(partition)
    if records is None:
        return []
    return list(records.values()) if table.has_range_key else [records]


@cache
def install() -> None:
    """Patch moto, until the process ends. Types don't allow patches, hence the ignored errors."""
    SERVICE_SPECIFIC_SERIALIZERS["dynamodb"] = {"json": _Plain}
    vars(responses)["method_names_from_class"] = cache(method_names_from_class)
    DynamoType.__init__ = _init_as_dynamodb  # type: ignore[method-assign]
    DynamoType.cast_value = property(_cast)  # type: ignore[method-assign,assignment]
    Item.__init__ = _item  # type: ignore[method-assign]
    Table.__deepcopy__ = _copy_of  # type: ignore[attr-defined]
    for target, name, wrapper in (
        (BotocoreStubber, "process_request", _process),
        (DynamoDBBackend, "transact_write_items", _transact),
        (DynamoDBBackend, "update_item", _update),
        (Item, "project", _project),
        (Table, "query", _query),
        (Table, "all_items", _all_items),
    ):
        wrapt.wrap_function_wrapper(target, name, wrapper)
    # Each request to S3 would be matched with 140 URLs of other services first.
    backend_index.backend_url_patterns.sort(key=lambda each: each[0] != "s3")
    BaseBackend.urls = property(_urls)  # type: ignore[method-assign,assignment]
    # Each start of moto would register 1,288 URLs for the library requests. Only S3 needs them.
    reached = [each for each in backend_index.backend_url_patterns if each[0] == "s3"]
    vars(models)["backend_index"] = SimpleNamespace(backend_url_patterns=reached)
