"""Look up records by natural keys; after a collision of ids, try the next id."""

from dataclasses import dataclass
from typing import Any

from shared.store import dynamo
from shared.store.customers import customer_key, user_key
from shared.values import record_id

type Found = dict[tuple[str, dynamo.Key], dict[str, Any]]


@dataclass
class Lookup:
    """A lookup of a record by its natural key, which is the value of the attribute `field`."""

    company: str
    table: str
    kind: str
    natural: str
    field: str
    rows: list[str] | None = None
    attempt: int = 0
    taken: bool = False

    @property
    def id(self) -> int:
        return record_id(self.company, self.kind, self.natural, attempt=self.attempt)

    @property
    def keys(self) -> list[tuple[str, tuple[str, str]]]:
        if self.rows is not None:
            return [
                (self.table, (dynamo.partition(self.company, self.id), row)) for row in self.rows
            ]
        key = customer_key if self.kind == "customer" else user_key
        return [(self.table, key(self.company, self.id))]


def find(places: list[Lookup], more: list[tuple[str, tuple[str, str]]]) -> Found:
    """Read the records of all lookups; if an id belongs to another key, continue with the next."""
    found: Found = {}
    wanted = places
    while wanted or more:
        found |= dynamo.get_many([*more, *(key for place in wanted for key in place.keys)])
        missed, more = [], []
        for place in wanted:
            items = [found[key] for key in place.keys if key in found]
            if any(item[place.field] != place.natural for item in items):
                place.attempt += 1
                missed.append(place)
            else:
                place.taken = bool(items)
        wanted = missed
    return found
