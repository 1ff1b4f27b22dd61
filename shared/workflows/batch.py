"""A batch of rows: its results, and the records that several of its rows name.

Every record names the row and the job that created it. So a batch that runs again, completely or
partly, immediately or much later, recognizes its own records and has the same counts.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

from shared.csv_format.reader import Record
from shared.differences import Holder, limited
from shared.errors import Busy
from shared.row_entries import Import, InvalidRecord
from shared.row_results import RowResults
from shared.store import bulk, dynamo
from shared.store.lookup import Keyed, Lookup, Records, find
from shared.store.retry import attempts
from shared.store.signed_http import Exchange


@dataclass
class Batch:
    """The results of a batch of rows.

    In a dry run, `made` has `[row, license, order, customer]` of each row that would create a
    license, with 0 for an existing order or customer. Otherwise it has the ids of the orders and
    customers that this job created. A record can be in several batches, so the job counts distinct
    ids. If rows of different batches can only be compared at the end, `made["named"]` has
    `[row, id, content digest]` of each row.
    """

    first_row: int
    rows: int = 0
    invalid: list[InvalidRecord] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    created_licenses: int = 0
    existed_licenses: int = 0
    order_rows: int = 0
    customer_rows: int = 0
    created_features: int = 0
    existed_features: int = 0
    updated_licenses: int = 0
    updated_customers: int = 0
    updated_features: int = 0
    reverted_licenses: int = 0
    reverted_customers: int = 0
    reverted_features: int = 0
    kept_licenses: int = 0
    kept_customers: int = 0
    kept_features: int = 0
    made: dict[str, list[Any]] = field(default_factory=dict)
    results: RowResults = field(default_factory=lambda: RowResults.of(0, []))

    def warn(self, record: Record, warnings: Iterable[dict[str, Any]]) -> None:
        """Add the warnings of a row."""
        place = {"row": record.row, "line": record.line}
        self.warnings += [{**place, **warning} for warning in limited([*warnings])]

    def note_part(self, row: int, name: str, id: int, reason: str) -> None:
        """Record what an undo does with an order or customer, if a row of the batch created it."""
        if self.first_row <= row < self.first_row + self.rows:
            self.results.undo(row, name, id, reason)


@dataclass
class Found:
    """A customer or order that rows name: its id, and the stored item, if it exists.

    `deleted` has the tombstones of records with this name.
    """

    id: int
    found: dict[str, Any] | None
    deleted: Sequence[Mapping[str, Any]] = ()


class Wanted(NamedTuple):
    """Records of a table that rows name: the name of each first id, and the field that has it."""

    env_name: str
    named: dict[int, str]
    field: str
    key: Callable[[int], dynamo.Key]
    next_id: Callable[[str, int], int]

    def lookup(self, first: int, name: str) -> Lookup:
        """The lookup of the record with a name, which begins at its first id.

        The next ids of a record without a name are derived from its first one.
        """
        return Lookup(
            self.env_name,
            self.field,
            name,
            lambda attempt: self.next_id(name or str(first), attempt) if attempt else first,
            lambda id: [self.key(id)],
        )


def find_records(
    pool: bulk.Pool, tables: Sequence[Wanted], opening: Sequence[Exchange[Any]] = ()
) -> list[dict[int, Found]]:
    """Look up the records that rows name, by their ids; an empty name belongs to its id alone.

    `opening` runs next to the first reads.
    """
    pending = [*opening]

    def read(keys: Sequence[Keyed]) -> Records:
        first, pending[:] = [*pending], []
        return get_many(pool, keys, first)

    lookups = [
        {first: table.lookup(first, name) for first, name in table.named.items()}
        for table in tables
    ]
    find(chain.from_iterable(each.values() for each in lookups), read=read)
    pool.run(pending)  # nothing was read
    return [
        {first: Found(lookup.id, lookup.found, lookup.deleted) for first, lookup in each.items()}
        for each in lookups
    ]


def get_many(
    pool: bulk.Pool,
    keys: Iterable[tuple[str, dynamo.Key]],
    alongside: Iterable[Exchange[Any]] = (),
) -> dict[tuple[str, dynamo.Key], dict[str, Any]]:
    """Read records of several tables, by table and key; `alongside` runs at the same time."""
    by_table: dict[str, dict[dynamo.Key, None]] = {}
    for env_name, key in keys:
        by_table.setdefault(env_name, {})[key] = None

    def get(env_name: str, some: Sequence[dynamo.Key]) -> Exchange[None]:
        items = yield from bulk.get_all(env_name, some, pool.patience)
        found.update(((env_name, key), item) for key, item in items.items())

    found: dict[tuple[str, dynamo.Key], dict[str, Any]] = {}
    reads = (get(name, some) for name, of in by_table.items() for some in bulk.batches(of, 100))
    pool.run(chain(alongside, reads))
    return found


def get_all(
    pool: bulk.Pool, env_name: str, keys: Iterable[dynamo.Key]
) -> dict[dynamo.Key, dict[str, Any]]:
    """Read records of a table, by key."""
    found = get_many(pool, ((env_name, key) for key in keys))
    return {key: item for (_, key), item in found.items()}


def is_ours(job: Import, item: Mapping[str, Any]) -> bool:
    return str(item.get("made_by", "")).startswith(job.made)


def row_of(job: Import, item: Mapping[str, Any]) -> int:
    """The row that has created a record, or a deleted one, of this job."""
    return int(item["made_by"].removeprefix(job.made))


def holder_of(
    job: Import, item: Mapping[str, Any], customer: Mapping[str, Any] | None = None
) -> Holder:
    """A stored record, to be compared with the rows that have its key."""
    row = row_of(job, item) if is_ours(job, item) else None
    return Holder(row, item, customer)


class SharedRecords(NamedTuple):
    """Records of a table that several rows can name, as the first row of the file wants them.

    `rows` has the numbers of their first rows, and `make` returns the record of one of its keys. A
    batch has thousands, so each is made when it is written.
    """

    env_name: str
    places: dict[int, Found]
    rows: dict[int, int]
    make: Callable[[int], dict[str, Any]]


def insert_missing(tables: Sequence[SharedRecords], pool: bulk.Pool) -> None:
    """Write the records that do not exist; afterwards, `places` have those that existed."""
    late: list[list[int]] = [[] for _ in tables]

    def insert(number: int, some: Sequence[int]) -> Exchange[None]:
        table = tables[number]
        statements = bulk.inserts(table.env_name, map(table.make, some))
        written = yield from bulk.insert_all(table.env_name, statements, pool.patience)
        late[number] += [named for named, new in zip(some, written, strict=True) if not new]

    missing = [
        [named for named in table.rows if table.places[named].found is None] for table in tables
    ]
    pool.run(insert(number, some) for number, of in enumerate(missing) for some in bulk.batches(of))
    found = get_many(
        pool,
        (
            (table.env_name, _key_of(table.make(named)))
            for table, of in zip(tables, late, strict=True)
            for named in of
        ),
    )
    for table, of in zip(tables, late, strict=True):
        for named in of:
            table.places[named].found = found.get((table.env_name, _key_of(table.make(named))))


def put_first(job: Import, table: SharedRecords) -> list[tuple[int, bool, bool]]:
    """Give records that existed the values of the file's first row, after `insert_missing`.

    Returns for each id whether this job created the record, and whether this batch lists it. If
    another chunk has written the record from a later row, it is replaced; from an earlier row, it
    is kept. The batch that wrote the record first lists it, even if it is replaced later.
    """
    results = []
    for named, row in table.rows.items():
        there = table.places[named].found
        if there is None:
            results.append((named, True, True))
        elif not is_ours(job, there):
            results.append((named, False, False))
        else:
            record = table.make(named)
            results.append((named, True, there.get("listed_by") == record["listed_by"]))
            item = dynamo.to_item(record)
            table.places[named].found = _put_earlier(job, table.env_name, item, there, row)
    return results


def _key_of(record: Mapping[str, Any]) -> dynamo.Key:
    return record["pk"], record["sk"]


def _put_earlier(
    job: Import, env_name: str, item: dynamo.Item, there: dict[str, Any], row: int
) -> dict[str, Any] | None:
    """Replace a record that a later row of this job wrote, unless an earlier row has written it.

    Returns the record that stays, or None if it is `item`. The batch that lists it does not change.
    """
    if "listed_by" in there:
        item = item | dynamo.to_item({"listed_by": there["listed_by"]})
    for _ in attempts():
        if int(there["made_by"].removeprefix(job.made)) <= row:
            return there
        before = {"before": there["made_by"]}
        same = "made_by = :before AND attribute_not_exists(deleted_at)"
        if dynamo.write([dynamo.put(env_name, item, same, **before)]):
            return None
        again = dynamo.get(env_name, (item["pk"]["S"], item["sk"]["S"]))
        if again is None:
            return None
        there = again
    raise Busy
