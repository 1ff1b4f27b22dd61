"""Import rows of customers: the first row of the file that names a customer is used."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from shared.columns import CustomerRow
from shared.differences import (
    Holder,
    content_digest,
    customer_differences,
    existing_fault,
    existing_warnings,
    missing_fault,
    repeated_fault,
)
from shared.row_entries import CustomerEntry, Import, InvalidRecord, LicenseEntry, reference_id
from shared.store import bulk
from shared.store.customers import TABLE as CUSTOMERS
from shared.store.customers import customer_key, reference_pointer
from shared.store.newest_first import page_item, page_of, page_start
from shared.store.signed_http import Exchange
from shared.values import record_id
from shared.workflows.batch import (
    Batch,
    Found,
    SharedRecords,
    Wanted,
    find_records,
    holder_of,
    insert_missing,
    is_ours,
    put_first,
)
from shared.workflows.update_records import update_customers


def import_customers(
    job: Import,
    entries: list[CustomerEntry],
    done: Batch,
    pool: bulk.Pool,
    whole: Sequence[CustomerEntry],
    *,
    dry_run: bool,
    complete: bool = False,
    opening: Sequence[Exchange[Any]] = (),
) -> None:
    """Write the customers that are new, or count what would be.

    `whole` is the batch with its refused rows, which say what the page of a customer is. `complete`
    writes no customer, and lists those that this batch wrote before.
    """
    faulty = len(done.invalid)
    drafts: dict[int, tuple[int, CustomerRow]] = {}
    first: dict[int, CustomerEntry] = {}
    for entry in entries:
        if entry.record.row not in job.repeated:
            drafts.setdefault(entry.customer_id, (entry.record.row, entry.customer))
        first.setdefault(entry.customer_id, entry)
    wanted = customers_wanted(job, ((id, entry.customer) for id, entry in first.items()))
    by_email, by_reference = find_records(pool, wanted, opening)
    places = by_email | by_reference
    deleted = {named for named in drafts if _was_deleted(job, places[named])}
    drafts = {named: draft for named, draft in drafts.items() if named not in deleted}
    if complete or job.on_missing == "refuse":
        drafts = {named: draft for named, draft in drafts.items() if places[named].found}
    if job.planned is not None:
        drafts = {
            named: (row, draft)
            for named, (row, draft) in drafts.items()
            if not job.unplanned(row, "created", (0, 0, places[named].id))
        }
    if not dry_run:
        customers = customer_records(job, places, drafts, done)
        pool.run(reference_pointers(job, places, drafts, pool))
        insert_missing([customers], pool)
        written = put_first(job, customers)
        pool.run(customer_pages(job, places, written, done, pool, first_rows(whole)))
    if complete:
        return
    rows = entries
    if "refuse" in (job.on_existing, job.on_missing):
        rows = [entry for entry in entries if _is_accepted(job, entry, places, done)]
    if job.updates:
        held = [(entry, item) for entry in rows if (item := _older(job, entry, places))]
        update_customers(job, pool, done, held, dry_run=dry_run)
        refused = {bad.record.row for bad in done.invalid[faulty:]}
        valid = [entry for entry in rows if entry.record.row not in refused]
    else:
        valid = [entry for entry in rows if _is_valid(job, entry, first, places, done)]
        done.made["named"] = [
            [entry.record.row, places[entry.customer_id].id, content_digest(entry)]
            for entry in rows
        ]
    valid = [entry for entry in valid if _is_planned(job, entry, places, done)]
    made = [
        entry
        for entry in valid
        if not (found := places[entry.customer_id].found)
        or is_ours(job, found)
        or entry.customer_id in deleted
    ]
    done.customer_rows += len(valid)
    done.results.note((entry.record.row, 0, 0, places[entry.customer_id].id) for entry in entries)
    creators = {
        entry.customer_id: entry.record.row
        for entry in reversed(made)
        if entry.record.row not in job.repeated
    }
    done.results.repeat(entry.record.row for entry in made)
    done.results.created(row for row in creators.values() if job.may_create(row))
    done.made["customers"] = [*dict.fromkeys(places[entry.customer_id].id for entry in made)]


def _is_planned(
    job: Import,
    entry: CustomerEntry,
    places: Mapping[int, Found],
    done: Batch,
) -> bool:
    """Whether the plan has this outcome for a row; always, except in a commit. Reports a fault."""
    if job.planned is None or job.is_repeat(entry.record.row):
        return True
    row, place = entry.record.row, places[entry.customer_id]
    ours = place.found is None or is_ours(job, place.found)
    outcome = "created" if ours else "updated" if row in done.results.changes else "unchanged"
    faults = job.unplanned(row, outcome, (0, 0, place.id))
    if faults:
        done.invalid.append(InvalidRecord(entry.record, faults))
    return not faults


def _was_deleted(job: Import, place: Found) -> bool:
    """Whether this job created a customer that was deleted since: it is not created again."""
    return any(is_ours(job, grave) for grave in place.deleted)


def _older(job: Import, entry: CustomerEntry, places: Mapping[int, Found]) -> dict[str, Any] | None:
    """The customer that a row names, if this import did not create it."""
    stored = places[entry.customer_id].found
    return stored if stored is not None and not is_ours(job, stored) else None


def _is_accepted(
    job: Import, entry: CustomerEntry, places: Mapping[int, Found], done: Batch
) -> bool:
    """Whether the import accepts the row's customer as existing, or as new; reports a fault."""
    if job.on_existing == "refuse" and _older(job, entry, places):
        fault = existing_fault(entry)
    elif job.on_missing == "refuse" and places[entry.customer_id].found is None:
        fault = missing_fault(entry)
    else:
        return True
    done.invalid.append(InvalidRecord(entry.record, [fault]))
    return False


def _is_valid(
    job: Import,
    entry: CustomerEntry,
    first: dict[int, CustomerEntry],
    places: dict[int, Found],
    done: Batch,
) -> bool:
    """Whether a row is equal to the first row of its customer; reports a fault otherwise."""
    stored, earlier = places[entry.customer_id].found, first[entry.customer_id]
    holder = Holder(earlier.record.row, earlier.customer.model_dump())
    if stored is not None and is_ours(job, stored):
        holder = holder_of(job, stored)
    elif stored is not None:
        differences = customer_differences(entry.customer, holder_of(job, stored))
        done.warn(entry.record, existing_warnings("customer", differences))
    if holder.row is None or holder.row == entry.record.row:
        return True
    if differences := customer_differences(entry.customer, holder):
        fault = repeated_fault(entry, holder.row, differences)
        done.invalid.append(InvalidRecord(entry.record, [fault]))
    return not differences


def first_rows(entries: Sequence[LicenseEntry | CustomerEntry]) -> dict[int, int]:
    return {
        entry.customer_id: entry.record.row
        for entry in reversed(entries)
        if entry.customer_id is not None
    }


def customer_records(
    job: Import, places: dict[int, Found], drafts: dict[int, tuple[int, CustomerRow]], done: Batch
) -> SharedRecords:
    """The customers of these rows, to be written by `insert_missing` and `put_first`."""
    began = job.began.isoformat()

    def make(named: int) -> dict[str, Any]:
        id, (row, fields) = places[named].id, drafts[named]
        pk, sk = customer_key(job.company, id)
        return {
            "pk": pk,
            "sk": sk,
            "id": id,
            "made_by": job.maker(row),
            **vars(fields),
            "listed_by": done.first_row,
            "created_at": began,
            "updated_at": began,
        }

    rows = {named: row for named, (row, _) in drafts.items()}
    return SharedRecords(CUSTOMERS, places, rows, make)


def customer_pages(
    job: Import,
    places: dict[int, Found],
    written: Iterable[tuple[int, bool, bool]],
    done: Batch,
    pool: bulk.Pool,
    first_rows: Mapping[int, int],
) -> Iterator[Exchange[None]]:
    """Add written customers to the results, and list those that this batch wrote first.

    `first_rows` has the first row of the batch that names each customer, regardless of its result.
    """
    made = done.made.setdefault("customers", [])
    blocks: dict[int, list[int]] = {}
    for named, ours, is_listed in written:
        if ours:
            made.append(places[named].id)
        if is_listed:
            start = page_start(first_rows[named], done.first_row)
            blocks.setdefault(start, []).append(places[named].id)
    for start, ids in blocks.items():
        page = page_item(page_of(job.company, job.number, job.began, start, ids))
        yield bulk.put_larger(CUSTOMERS, page, "n", pool.patience)


def reference_pointers(
    job: Import,
    places: dict[int, Found],
    drafts: dict[int, tuple[int, CustomerRow]],
    pool: bulk.Pool,
) -> Iterator[Exchange[list[bool]]]:
    """Write the pointers of references, before their customers; one that exists is kept."""
    pointers = (
        reference_pointer(job.company, places[named].id, customer.reference, job.began)
        for named, (_, customer) in drafts.items()
        if customer.reference and ((found := places[named].found) is None or is_ours(job, found))
    )
    for some in bulk.batches(pointers):
        yield bulk.insert_all(CUSTOMERS, bulk.inserts(CUSTOMERS, some), pool.patience)


def customers_wanted(job: Import, named: Iterable[tuple[int, CustomerRow]]) -> tuple[Wanted, ...]:
    """Customers to look up: by e-mail or by their row in the file, and by reference."""
    emails: dict[int, str] = {}
    references: dict[int, str] = {}
    for id, row in named:
        if row.email is None and row.reference is not None:
            references[id] = row.reference
        else:
            emails[id] = row.email or ""
    key = partial(customer_key, job.company)
    return (
        Wanted(
            CUSTOMERS,
            emails,
            "email",
            key,
            lambda name, n: record_id(job.company, "customer", name, attempt=n),
        ),
        Wanted(
            CUSTOMERS,
            references,
            "reference",
            key,
            lambda name, n: reference_id(job.company, name, n),
        ),
    )
