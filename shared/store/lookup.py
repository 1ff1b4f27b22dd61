"""Look up records by natural keys; after a collision of ids, try the next id.

The id of a record is a hash of its natural key. If the record at an id has another natural key,
the hashes collided, and the record that is looked up is at the id of the next attempt. So it is
after the record at an id was deleted: its tombstone has no natural key.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from shared.store import dynamo
from shared.store.tombstones import is_deleted

type Keyed = tuple[str, dynamo.Key]
"""The variable with the name of a table, and a key in it."""
type Records = dict[Keyed, dict[str, Any]]


@dataclasses.dataclass(slots=True)
class Lookup:
    """A lookup of a record by its natural key: `natural`, the value of its attribute `field`.

    `id_of` returns the id of each attempt, and `keys_of` the keys to read for an id, first that of
    the record itself. A record
    without a natural key has an empty `natural`; its id belongs to no other record.
    """

    table: str
    field: str
    natural: str
    id_of: Callable[[int], int]
    keys_of: Callable[[int], Sequence[dynamo.Key]]
    attempt: int = 0
    found: dict[str, Any] | None = None
    """The first of the items that exist at the id, after `find`."""
    deleted: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    """The tombstones of the earlier attempts."""

    @property
    def id(self) -> int:
        return self.id_of(self.attempt)

    @property
    def keys(self) -> list[Keyed]:
        return [(self.table, key) for key in self.keys_of(self.id)]


def find(
    lookups: Iterable[Lookup],
    more: Iterable[Keyed] = (),
    *,
    read: Callable[[Sequence[Keyed]], Records] = dynamo.get_many,
) -> Records:
    """Read the records of all lookups, and of the keys in `more`, with as few reads as possible."""
    records: Records = {}
    waiting, keys = [(lookup, lookup.keys) for lookup in lookups], [*more]
    while waiting or keys:
        records |= read([*keys, *(key for _, wanted in waiting for key in wanted)])
        waiting = [
            (each, each.keys) for each, wanted in waiting if _collides(each, wanted, records)
        ]
        keys = []
    return records


def _collides(lookup: Lookup, keys: Sequence[Keyed], records: Records) -> bool:
    """Whether the id belongs to another record; then the lookup continues with the next one."""
    lookup.found = None
    for key in keys:
        item = records.get(key)
        if item is None:
            continue
        is_gone = is_deleted(item) and key == keys[0]
        if is_gone or (lookup.natural and item.get(lookup.field) != lookup.natural):
            lookup.attempt += 1
            if is_gone:
                lookup.deleted.append(item)
            return True
        lookup.found = lookup.found or item
    return False
