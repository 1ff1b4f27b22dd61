"""Update existing records from rows of a file, each row exactly once.

A change is one conditional write of the fields that differ, on the `updated_at` that was read. It
records the row in `applied_rows`, so a row that runs again, or whose response was lost, recognizes
its own change, even after later changes by others. `changed_by` and `changed_from` are the last
row and the values before it; every other change of the record removes them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, compress
from typing import Any, Literal, NamedTuple

import orjson

from shared.access import WRITER
from shared.catalog import Product
from shared.orders import FIRST_PART
from shared.row_entries import CustomerEntry, Faults, Import, InvalidRecord, LicenseEntry, fault_of
from shared.row_results import Changes, changes_of, noted_changes
from shared.row_updates import (
    KnownTerms,
    RowChange,
    RowRefused,
    applied,
    changed_from,
    customer_change,
    license_change,
    names_order,
    part_warnings,
    user_warnings,
)
from shared.store import bulk, dynamo
from shared.store.catalog import all_products
from shared.store.customers import TABLE as CUSTOMERS
from shared.store.customers import customer_key, reference_pointer
from shared.store.licenses import TABLE as LICENSES
from shared.store.lookup import Keyed
from shared.store.orders import TABLE as ORDERS
from shared.store.retry import pause
from shared.store.signed_http import Exchange
from shared.workflows.batch import Batch, get_all, get_many

TRIES = 8
"""How often a row decides again after its record was changed by someone else."""
CHANGED = "the record was changed again and again while the row was imported: import the row again"
_DELETED = "the record was deleted while the row was imported: import the row again"
_TOO_LARGE = "the record would be more than 390 KB: shorten its metadata"

type Outcome = Literal["updated", "unchanged"] | Faults


@dataclass(slots=True)
class Target[E: (LicenseEntry, CustomerEntry)]:
    """A row, and the stored record that it names."""

    entry: E
    key: dynamo.Key
    item: dict[str, Any]


def update_licenses(
    job: Import,
    pool: bulk.Pool,
    done: Batch,
    held: Iterable[tuple[LicenseEntry, dict[str, Any]]],
    *,
    dry_run: bool,
) -> None:
    """Update stored licenses, each by its row; adds the results to `done`."""
    targets = [
        Target(entry, (dynamo.partition(job.company, item["id"]),), item) for entry, item in held
    ]
    products = _products(job, targets)
    _warn_of_parts(job, pool, done, targets)
    for target in targets:
        if target.entry.users and (warnings := user_warnings(target.entry, target.item)):
            done.warn(target.entry.record, warnings)

    known: KnownTerms = {}

    def decide(entry: LicenseEntry, item: Mapping[str, Any], now: datetime) -> RowChange | None:
        return license_change(entry, item, products[item["product_code"]], now, known)

    updated = _updated(job, pool, done, LICENSES, targets, decide, dry_run=dry_run)
    done.updated_licenses += len(updated)
    done.results.updated(updated)


def update_customers(
    job: Import,
    pool: bulk.Pool,
    done: Batch,
    held: Iterable[tuple[CustomerEntry, dict[str, Any]]],
    *,
    dry_run: bool,
) -> None:
    """Update stored customers, each by its row; adds the results to `done`.

    The pointer of a new reference is written before its customer.
    """
    targets = [Target(entry, customer_key(job.company, item["id"]), item) for entry, item in held]

    def prepare(changes: Sequence[tuple[Target[CustomerEntry], RowChange]]) -> None:
        pointers = [
            reference_pointer(
                job.company,
                target.item["id"],
                reference,
                datetime.fromisoformat(target.item["created_at"]),
            )
            for target, change in changes
            if (reference := change.fields.get("reference"))
        ]
        pool.run(
            bulk.insert_all(CUSTOMERS, bulk.inserts(CUSTOMERS, some), pool.patience)
            for some in bulk.batches(pointers)
        )

    updated = _updated(
        job, pool, done, CUSTOMERS, targets, customer_change, dry_run=dry_run, prepare=prepare
    )
    done.updated_customers += len(updated)
    done.results.updated(updated)


class _Write(NamedTuple):
    """A decided change, with its attributes as they are stored."""

    change: RowChange
    body: dict[str, Any]


def _updated[E: (LicenseEntry, CustomerEntry)](
    job: Import,
    pool: bulk.Pool,
    done: Batch,
    env_name: str,
    targets: Sequence[Target[E]],
    decide: Callable[[E, Mapping[str, Any], datetime], RowChange | None],
    *,
    dry_run: bool,
    prepare: Callable[[Sequence[tuple[Target[E], RowChange]]], None] = lambda _: None,
) -> dict[int, Changes | None]:
    """Update records, and report the rows with faults; returns the rows that updated theirs.

    A row that repeats an earlier row writes nothing: it is checked, and counts as unchanged.
    """
    waiting: Sequence[Target[E]] = targets
    updated: dict[int, Changes | None] = {}
    decided: dict[int, Changes] = {}
    for attempt in range(TRIES + 1):
        writes: list[tuple[Target[E], _Write]] = []
        now = datetime.now(UTC)
        for target in waiting:
            record, maker = target.entry.record, job.maker(target.entry.record.row)
            if maker in target.item.get("applied_rows", ()):
                noted = noted_changes(target.item, maker)
                updated[record.row] = noted or decided.get(record.row)
                continue
            try:
                change = decide(target.entry, target.item, now)
                write = change and _Write(change, _body(job, target, change, maker))
            except RowRefused as refused:
                done.invalid.append(InvalidRecord(record, refused.faults))
                continue
            if write is None or record.row in job.repeated:
                continue
            decided[record.row] = changes_of(write.change.before, write.change.fields)
            if faults := job.unplanned_changes(record.row, decided[record.row]):
                done.invalid.append(InvalidRecord(record, faults))
                continue
            if dry_run:
                updated[record.row] = decided[record.row]
            elif attempt == TRIES:
                _fail(done, target, "changed_meanwhile", CHANGED)
            else:
                writes.append((target, write))
        if not writes:
            return updated
        prepare([(target, write.change) for target, write in writes])
        written = pool.run(_written(pool, env_name, write.body) for _, write in writes)
        waiting = [target for (target, _), new in zip(writes, written, strict=True) if not new]
        rows = (target.entry.record.row for (target, _) in compress(writes, written))
        updated |= {row: decided[row] for row in rows}
        if not waiting:
            return updated
        if attempt:
            pool.patience.wait(pause(attempt))
        waiting = _read_again(pool, done, env_name, waiting)
    return updated


def _written(pool: bulk.Pool, env_name: str, body: Mapping[str, Any]) -> Exchange[bool]:
    """Write one record; False if it has changed, or if a lost first attempt was executed."""
    written = yield from bulk.write("UpdateItem", env_name, body, pool.patience)
    pool.patience.progressed = True
    return written


def _read_again[E: (LicenseEntry, CustomerEntry)](
    pool: bulk.Pool, done: Batch, env_name: str, targets: Sequence[Target[E]]
) -> list[Target[E]]:
    found = get_all(pool, env_name, [target.key for target in targets])
    there = []
    for target in targets:
        item = found.get(target.key, {})
        if item.get("created_at") == target.item["created_at"]:
            target.item = item
            there.append(target)
        else:
            _fail(done, target, "changed_meanwhile", _DELETED)
    return there


def _fail[E: (LicenseEntry, CustomerEntry)](
    done: Batch, target: Target[E], code: str, message: str
) -> None:
    fault = fault_of("", "", code, message, None)
    done.invalid.append(InvalidRecord(target.entry.record, [fault]))


def _body[E: (LicenseEntry, CustomerEntry)](
    job: Import, target: Target[E], change: RowChange, maker: str
) -> dict[str, Any]:
    """The parameters of the UpdateItem. Raises RowRefused if the record would be too large."""
    fields = {
        **change.fields,
        "applied_rows": applied(target.item.get("applied_rows", ()), maker),
        "changed_by": maker,
        "changed_from": changed_from(job.number, change.before),
        WRITER: None,
    }
    after = {**target.item, **fields}
    if len(orjson.dumps(after)) > dynamo.ITEM_BYTES:
        raise RowRefused([fault_of("", "", "record_too_large", _TOO_LARGE, None)])
    return dynamo.field_update(target.key, fields, "updated_at", target.item["updated_at"])


def _products(job: Import, targets: Iterable[Target[LicenseEntry]]) -> dict[str, Product]:
    """The products of licenses, including those that are newer than the job's catalog."""
    products = dict(job.catalog)
    missing = {target.item["product_code"] for target in targets} - products.keys()
    if missing:
        products |= {p.short_code: p for p in all_products(job.company) if p.short_code in missing}
    return products


def _warn_of_parts(
    job: Import, pool: bulk.Pool, done: Batch, targets: Sequence[Target[LicenseEntry]]
) -> None:
    """Warn about order and customer columns that differ from those of the licenses.

    Orders and customers are read only for rows that name more than the id of the one and the
    e-mail of the other.
    """
    parts: dict[tuple[Any, ...], list[Target[LicenseEntry]]] = {}
    for target in targets:
        entry, item = target.entry, target.item
        if entry.customer is not None or entry.order.model_fields_set:
            place = id(entry.order), id(entry.customer), item["order_id"], item.get("customer_id")
            parts.setdefault(place, []).append(target)
    keys = [_part_keys(job, of[0]) for of in parts.values()]
    found = get_many(pool, filter(None, chain.from_iterable(keys))) if parts else {}
    for (order_at, customer_at), of in zip(keys, parts.values(), strict=True):
        entry, item = of[0].entry, of[0].item
        order = found.get(order_at, {}) if order_at else {}
        customer = found.get(customer_at, {}) if customer_at else {}
        if entry.customer is not None and item.get("customer_id") == entry.customer_id:
            customer = {"email": entry.customer.email, **customer}
        order = {**order, "store_id": item.get("order_store_id")}
        if warnings := part_warnings(entry, order, customer):
            for target in of:
                done.warn(target.entry.record, warnings)


def _part_keys(job: Import, target: Target[LicenseEntry]) -> tuple[Keyed | None, Keyed | None]:
    """The keys of a license's order and customer, if their columns need these records."""
    entry, item, id = target.entry, target.item, target.item.get("customer_id")
    order = customer = None
    if names_order(entry):
        order = ORDERS, (dynamo.partition(job.company, item["order_id"]), FIRST_PART)
    if (
        id is not None
        and entry.customer is not None
        and (id != entry.customer_id or entry.customer.model_fields_set != {"email"})
    ):
        customer = CUSTOMERS, customer_key(job.company, id)
    return order, customer
