"""Import rows of customers: the first row of the file that names a customer is used."""

from collections.abc import Iterable, Mapping, Sequence

from shared.columns import CustomerRow
from shared.differences import (
    Holder,
    content_digest,
    customer_differences,
    existing_warnings,
    repeated_fault,
)
from shared.row_reader import CustomerEntry, Import, InvalidRecord, LicenseEntry, reference_id
from shared.store import bulk, dynamo
from shared.store.customers import TABLE as CUSTOMERS
from shared.store.customers import customer_key, reference_pointer
from shared.store.newest_first import page_item, page_of, page_start
from shared.store.signed_http import Exchange
from shared.values import record_id
from shared.workflows.batch import Batch, Found, find_records, holder_of, is_ours, write_first


def import_customers(
    job: Import,
    entries: list[CustomerEntry],
    done: Batch,
    pool: bulk.Pool,
    whole: Sequence[CustomerEntry],
    *,
    dry_run: bool,
    complete: bool = False,
) -> None:
    """Write the customers that are new, or count what would be.

    `whole` is the batch with its refused rows, which say what the page of a customer is. `complete`
    writes no customer, and lists those that this batch wrote before.
    """
    drafts: dict[int, tuple[int, CustomerRow]] = {}
    first: dict[int, CustomerEntry] = {}
    for entry in entries:
        drafts.setdefault(entry.customer_id, (entry.record.row, entry.customer))
        first.setdefault(entry.customer_id, entry)
    places = customer_places(job, pool, ((named, row) for named, (_, row) in drafts.items()))
    if complete:
        drafts = {named: draft for named, draft in drafts.items() if places[named].found}
    if not dry_run:
        write_customers(job, places, drafts, done, pool, first_rows(whole))
    valid = [entry for entry in entries if _is_valid(job, entry, first, places, done)]
    made = [
        entry
        for entry in valid
        if not (found := places[entry.customer_id].found) or is_ours(job, found)
    ]
    done.customer_rows += len(valid)
    done.made["named"] = [
        [entry.record.row, places[entry.customer_id].id, content_digest(entry)] for entry in entries
    ]
    done.made["customers"] = [*dict.fromkeys(places[entry.customer_id].id for entry in made)]


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
    """The first row that names each customer."""
    return {
        entry.customer_id: entry.record.row
        for entry in reversed(entries)
        if entry.customer_id is not None
    }


def write_customers(
    job: Import,
    places: dict[int, Found],
    drafts: dict[int, tuple[int, CustomerRow]],
    done: Batch,
    pool: bulk.Pool,
    first_rows: Mapping[int, int],
) -> None:
    """Write the customers of these rows, and list those that this batch wrote first.

    `first_rows` has the first row of the batch that names each customer, regardless of its result.
    """
    wanted, rows, began = {}, {}, job.began.isoformat()
    for named, (row, fields) in drafts.items():
        id = places[named].id
        pk, sk = customer_key(job.company, id)
        customer = {"pk": pk, "sk": sk, "id": id, "made_by": job.maker(row), **vars(fields)}
        customer["listed_by"] = done.first_row
        wanted[named] = customer | {"created_at": began, "updated_at": began}
        rows[named] = row
    _write_pointers(job, places, drafts, pool)
    made = done.made.setdefault("customers", [])
    blocks: dict[int, list[int]] = {}
    for named, ours, is_listed in write_first(job, CUSTOMERS, places, wanted, rows, pool):
        if ours:
            made.append(places[named].id)
        if is_listed:
            start = page_start(first_rows[named], done.first_row)
            blocks.setdefault(start, []).append(places[named].id)

    def put(page: dynamo.Item) -> Exchange[None]:
        return bulk.put_larger(CUSTOMERS, page, "n", pool.patience)

    pages = (
        page_item(page_of(job.company, job.number, job.began, start, ids))
        for start, ids in blocks.items()
    )
    for _ in pool.each(put, pages):
        pass


def _write_pointers(
    job: Import,
    places: dict[int, Found],
    drafts: dict[int, tuple[int, CustomerRow]],
    pool: bulk.Pool,
) -> None:
    """Write the pointers of the references before their customers; one that exists is kept."""
    pointers = [
        reference_pointer(job.company, places[named].id, fields.reference, job.began)
        for named, (_, fields) in drafts.items()
        if fields.reference and ((found := places[named].found) is None or is_ours(job, found))
    ]

    def insert(batch: Sequence[bulk.Statement]) -> Exchange[list[bool]]:
        return bulk.insert_all(CUSTOMERS, batch, pool.patience)

    statements = (
        [bulk.insert(CUSTOMERS, pointer) for pointer in batch] for batch in bulk.batches(pointers)
    )
    for _ in pool.each(insert, statements):
        pass


def customer_places(
    job: Import, pool: bulk.Pool, named: Iterable[tuple[int, CustomerRow]]
) -> dict[int, Found]:
    """Look up customers by e-mail, by reference, or by their row in the file."""
    emails: dict[int, str] = {}
    references: dict[int, str] = {}
    for id, row in named:
        if row.email is None and row.reference is not None:
            references[id] = row.reference
        else:
            emails[id] = row.email or ""
    places = find_records(
        pool,
        CUSTOMERS,
        emails,
        "email",
        lambda id: customer_key(job.company, id),
        lambda name, n: record_id(job.company, "customer", name, attempt=n),
    )
    if references:
        places |= find_records(
            pool,
            CUSTOMERS,
            references,
            "reference",
            lambda id: customer_key(job.company, id),
            lambda name, n: reference_id(job.company, name, n),
        )
    return places
