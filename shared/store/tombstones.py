"""Tombstones: the items that stay at the ids of deleted licenses, orders and customers.

An id is never used again, because requests and imports may depend on it: a row of an import that
runs again recognizes that it has created the record, and a write that arrives late fails its
condition. A tombstone has no natural key, so a lookup continues with the next id, and the natural
key is free. It has no personal data.

    deleted_at   when the record was deleted
    deleted_by   the token of the request that deleted it
    made_by      the import row that had created it
    applied_rows the last import rows that had updated it, of a license
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.store import dynamo
from shared.store.writer import writer_attribute


def tombstone(key: dynamo.Key, *, token: str, now: datetime, **kept: Any) -> dynamo.Item:
    """The item that replaces a deleted record; `kept` are attributes that it keeps."""
    keys = dict(zip(("pk", "sk"), key, strict=False))
    own = {"deleted_at": dynamo.stamp(now), "deleted_by": token, **writer_attribute()}
    return dynamo.to_item({**keys, **own, **kept})


def id_of_tombstone(item: Mapping[str, Any]) -> int:
    """The id of the record that a tombstone replaces."""
    return int(str(item["pk"]).rpartition("#")[2])


def is_deleted(item: Mapping[str, Any] | None) -> bool:
    return item is not None and "deleted_at" in item
