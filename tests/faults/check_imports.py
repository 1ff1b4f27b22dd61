"""Check the promises about imports of docs/reliability.md after faults have stopped."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from functions import job_status
from shared.csv_format.cells import unescape_formula
from shared.import_job import ImportJob
from shared.store import import_jobs
from shared.store.batch_results import batch_results
from shared.workflows.import_totals import stopped_totals
from tests.faults.check_lists import check_lists
from tests.faults.check_orders import stored
from tests.faults.dynamodb import Item
from tests.faults.files import File, Row
from tests.faults.history import CUSTOMERS, IMPORTS, LICENSES, ORDERS, rows_of
from tests.faults.laboratory import COMPANIES, STRANGER
from tests.http_event import send

if TYPE_CHECKING:
    from tests.faults.imports import Importers

_FINISHED = ("succeeded", "completed_with_errors", "rejected")


def check_imports(importers: "Importers") -> list[str]:
    """Return all violations; an empty list means that every promise holds."""
    for actor in importers.world.past:
        importers.watch.check_reads(actor)
    violations = [*importers.watch.violations, *importers.refusals]
    jobs = {company: list(import_jobs.list_jobs(company)) for company in (*COMPANIES, STRANGER)}
    violations += _one_each(importers, jobs)
    for company in COMPANIES:
        for job in jobs[company]:
            violations += _ended(importers, job)
            violations += _finished(importers, job)
        violations += _made(importers, company, jobs[company])
        violations += stored(importers.world, company, unfinished=set())
        violations += check_lists(importers.world, company)
    violations += check_stopped()
    violations += _unmoved(importers)
    violations += _secrets(importers)
    return violations


def _one_each(importers: "Importers", jobs: dict[str, list[ImportJob]]) -> Iterator[str]:
    """J1: every object version has one job, and so has every `external_id`.

    J11: every object at an import's own key belongs to that import alone.
    """
    own = [job for each in jobs.values() for job in each if job.planned_by is None]
    had = Counter((job.key, job.version_id) for job in own)
    keys = Counter(key for key, version in had if version)
    for place in importers.files:
        if "/job-" in place[0]:
            if keys[place[0]] != 1:
                yield f"J11 {place} has {keys[place[0]]} jobs"
            continue
        wanted = 1 if importers.opened or not place[0].startswith(STRANGER) else 0
        if had[place] != wanted and place not in importers.gone:
            yield f"J1 {place} has {had[place]} jobs"
    for job in (job for each in jobs.values() for job in each):
        if "/job-" in job.key and job.requested_by == "s3":
            yield f"J11 import {job.number} was started by an object at another's key {job.key}"
    for (key, version), count in had.items():
        if version is not None and count > 1:
            yield f"J1 {key} {version} has {count} jobs"
    for name, numbers in importers.named.items():
        if len(numbers) > 1:
            yield f"J1 {name} was answered with the jobs {sorted(numbers)}"


def _ended(importers: "Importers", job: ImportJob) -> Iterator[str]:
    """J2: every job ends, and a retry without faults finishes it."""
    destroyed = (job.key, job.version_id) in importers.gone
    again = (job.company, job.number) in importers.retried and not destroyed
    code = job.refusal.code if job.refusal else None
    if code not in (None, "no_progress", "import_failed", "never_uploaded") and not destroyed:
        yield f"J3 import {job.number} of {job.company}: valid, but rejected: {job.refusal}"
    if not job.is_ended or (again and job.state not in _FINISHED):
        yield f"J2 import {job.number} of {job.company} is {job.state}: {job.refusal}"


def _finished(importers: "Importers", job: ImportJob) -> Iterator[str]:
    """J3 J4 J5 J10 of a finished job."""
    file = importers.files.get((job.key, job.version_id or "")) or _stored_file(importers, job)
    if job.state not in _FINISHED or file is None:
        return
    name = f"import {job.number} of {job.company}"
    if _depends_on_records(job):
        yield from _counted(importers, job, name)
        yield from _row_results(importers, job, file, name)
        return
    counts = job.counts
    bad = _bad_rows(importers, job, file)
    invalid = counts["total_row_count"] - counts["valid_row_count"]
    if counts["total_row_count"] != len(file.rows):
        yield f"J3 {name} counts {counts['total_row_count']} rows of {len(file.rows)}"
    if bad is not None and invalid != len(bad):
        yield f"J3 {name} counts {invalid} failed rows of {len(bad)}"
    expected = {
        (False, "skip_row"): "completed_with_errors",
        (False, "reject_all"): "rejected",
    }.get((invalid == 0, job.on_error), "succeeded")
    if job.state != expected:
        yield f"J3 {name} has {invalid} failed rows, and is {job.state}"
    yield from _counted(importers, job, name)
    yield from _repeated(importers, job, file, name)
    yield from _reported(importers, job, file, bad, name)
    yield from _row_results(importers, job, file, name)


def _depends_on_records(job: ImportJob) -> bool:
    """Whether the failed rows do not follow from the file alone; see also `check_plans`."""
    return job.planned_by is not None or (job.on_existing, job.on_missing) != ("keep", "create")


def _row_results(importers: "Importers", job: ImportJob, file: File, name: str) -> Iterator[str]:
    """J14: each row has one result, which agrees with the counts and with the records."""
    path = f"/api/v1/imports/{job.number}"
    results = _read(importers, job, f"{path}/rows/").json()["results"]
    listed = _read(importers, job, f"{path}/errors/").json()["results"]
    failed = [each["row"] for each in results if each["outcome"] == "failed"]
    if failed != [each["row"] for each in listed]:
        yield f"J14 {name} has the failed rows {failed}, and reports {listed}"
    if job.state == "rejected":
        return
    places = [(each["row"], each["line"]) for each in results]
    if places != [(row.row, row.line) for row in file.rows]:
        yield f"J14 {name} has results of {places}, must have {file.rows}"
    found = Counter(each["outcome"] for each in results)
    created = job.counts[
        {
            "licenses": "created_licenses_count",
            "customers": "created_customers_count",
            "license-features": "created_license_features",
        }[job.kind]
    ]
    if found["created"] != created:
        yield f"J14 {name} has {found}, and counts {job.counts}"
    if not job.dry_run:
        yield from _results_of_records(importers, job, results, name)


def _results_of_records(
    importers: "Importers", job: ImportJob, results: list[dict[str, Any]], name: str
) -> Iterator[str]:
    table, column = {
        "licenses": (LICENSES, "license_id"),
        "customers": (CUSTOMERS, "customer_id"),
    }.get(job.kind, (None, ""))
    if table is None:
        return
    made = f"import {job.number}#"
    rows = rows_of(importers.world, table, job.company)
    stored = {_id(item): item for item in rows if "id" in item or "deleted_at" in item}
    for each in results:
        item = stored.get(each[column] or 0, {})
        owner = item.get("made_by", {"S": ""})["S"]
        if (each["outcome"] == "created") != (owner == f"{made}{each['row']}"):
            yield f"J14 {name} reports {each}, and the record is of {owner or None}"
        own = [int(item[at]["N"]) if at in item else None for at in ("order_id", "customer_id")]
        is_created = each["outcome"] == "created" and table == LICENSES
        if (
            is_created
            and "deleted_at" not in item
            and own != [each["order_id"], each["customer_id"]]
        ):
            yield f"J14 {name} reports {each}, and the record has {own}"


def _id(item: Item) -> int:
    """The id of a record, also of one that was deleted."""
    return int(item["pk"]["S"].rpartition("#")[2])


def check_stopped() -> Iterator[str]:
    """J13: an import that stopped early has the counts of everything that was reported."""
    for job in (job for company in COMPANIES for job in import_jobs.list_jobs(company)):
        if not job.is_stopped:
            continue
        counts = stopped_totals(job, batch_results(job.company, job.number)).counts
        if job.counts != counts:
            name = f"import {job.number} of {job.company}"
            yield f"J13 {name} is {job.state} and counts {job.counts}, reported are {counts}"


def _counted(importers: "Importers", job: ImportJob, name: str) -> Iterator[str]:
    """J4 J5: every counted record exists, and each row is counted once."""
    counts = job.counts
    done = {
        "licenses": ("created_licenses_count", "existed_licenses_count"),
        "customers": ("created_customers_count", "existed_customers_count"),
        "license-features": ("created_license_features", "existed_license_features"),
    }[job.kind]
    if sum(counts[each] for each in done) != counts["valid_row_count"]:
        yield f"J5 {name} counts {counts}"
    made = f"import {job.number}#"
    tables = (
        ("created_licenses_count", LICENSES),
        ("created_customers_count", CUSTOMERS),
        ("created_orders_count", ORDERS),
    )
    for counter, table in tables:
        found = [
            item
            for item in rows_of(importers.world, table, job.company)
            if item.get("made_by", {"S": ""})["S"].startswith(made)
        ]
        wanted = 0 if job.dry_run or job.state == "rejected" else counts[counter]
        if len(found) != wanted:
            yield f"J4 {name} has {counter} {wanted}, but created {len(found)}"
    grants = [
        grant
        for item in rows_of(importers.world, LICENSES, job.company)
        for grant in item.get("product_features", {"L": []})["L"]
        if grant["M"].get("made_by", {"S": ""})["S"].startswith(made)
    ]
    wanted = 0 if job.dry_run or job.state == "rejected" else counts["created_license_features"]
    if wanted > len(grants):
        wanted -= _gone_features(importers, job)
    if len(grants) != wanted:
        yield f"J4 {name} counts {wanted} features, but created {len(grants)}"


def _gone_features(importers: "Importers", job: ImportJob) -> int:
    """How many of the features that an import created were deleted with their licenses."""
    rows = rows_of(importers.world, LICENSES, job.company)
    gone = {_id(item) for item in rows if "deleted_at" in item}
    listed = _read(importers, job, f"/api/v1/imports/{job.number}/rows/").json()["results"]
    return sum(each["outcome"] == "created" and each["license_id"] in gone for each in listed)


def _reported(
    importers: "Importers", job: ImportJob, file: File, bad: list[Row] | None, name: str
) -> Iterator[str]:
    """J10: every failed row is reported with its line, and is in failed.csv unchanged."""
    listed = _read(importers, job, f"/api/v1/imports/{job.number}/errors/").json()["results"]
    by_row = {row.row: row for row in file.rows}
    for each in listed:
        row = by_row.get(each["row"])
        if row is None or row.line != each["line"]:
            yield f"J10 {name} reports row {each['row']} at line {each['line']}: {row}"
    if bad is not None and [each["row"] for each in listed] != [row.row for row in bad]:
        yield f"J10 {name} reports {[each['row'] for each in listed]}, must report {bad}"
    repeated = _duplicates(importers, job, file)
    for each in listed if bad is not None else ():
        codes = tuple(fault["code"] for fault in each["errors"])
        meant = by_row[each["row"]].codes if each["row"] in by_row else codes
        if each["row"] in repeated:
            meant = ("duplicate_in_file",)
        if codes != meant and not _archived(codes):
            yield f"J10 {name} reports {codes} for {by_row[each['row']]}"
    if not listed:
        return
    text = _read(importers, job, f"/api/v1/imports/{job.number}/failed.csv").text
    header, *lines = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    width = len(header) - 3
    for each, cells in zip(listed, lines, strict=False):
        if any(cell[:1] in ("=", "+", "-", "@") for cell in cells):
            yield f"J10 {name}: a spreadsheet would evaluate {cells}"
        own = [unescape_formula(cell) for cell in cells[:width]]
        if own != list(by_row[each["row"]].cells[:width]) or cells[width] != str(each["row"]):
            yield f"J10 {name}: failed.csv has {cells} for {by_row[each['row']]}"
    if len(lines) != len(listed):
        yield f"J10 {name}: failed.csv has {len(lines)} rows of {len(listed)}"


def _made(importers: "Importers", company: str, jobs: list[ImportJob]) -> Iterator[str]:
    """J7: every imported license names its row; no valid row is lost."""
    by_number = {job.number: job for job in jobs}
    keys = set()
    for item in rows_of(importers.world, LICENSES, company):
        key = item.get("license_key", {"S": ""})["S"]
        keys.add(key)
        if "made_by" not in item:
            continue
        number, _, row = item["made_by"]["S"].removeprefix("import ").partition("#")
        job = by_number.get(int(number))
        file = job and (
            importers.files.get((job.key, job.version_id or "")) or _stored_file(importers, job)
        )
        made_of = {each.row: each for each in file.rows}.get(int(row)) if file else None
        if made_of and "deleted_at" in item:
            key = made_of.key
            keys.add(key)
        if made_of is None or made_of.key != key or made_of.codes:
            yield f"J7 license {key} is of {item['made_by']['S']}: {made_of}"
    for job in jobs:
        file = importers.files.get((job.key, job.version_id or "")) or _stored_file(importers, job)
        if job.kind != "licenses" or job.dry_run or not file or _depends_on_records(job):
            continue
        if job.state in ("succeeded", "completed_with_errors") and not _is_archived(importers, job):
            for each in file.rows:
                if not each.codes and each.key not in keys:
                    yield f"J3 import {job.number} lost {each}"


def _unmoved(importers: "Importers") -> Iterator[str]:
    """J8 J9: repeated events and steps do not change an ended job."""
    before = _everything(importers)
    importers.again()
    after = _everything(importers)
    for place in before.keys() | after.keys():
        if before.get(place) != after.get(place):
            yield f"J8 J9 {place} was {before.get(place)}, and is {after.get(place)}"


def _everything(importers: "Importers") -> dict[Any, Any]:
    tables = importers.world.dynamodb.tables
    return (
        {
            (name, key): item
            for name in (LICENSES, ORDERS, CUSTOMERS, IMPORTS)
            for key, item in tables[name].items.items()
            if key[0] not in ("sweep#", "unknown#")  # the sweeper's checkpoint, which moves
        }
        | {
            key: [version.data for version in versions][-1:]
            for key, versions in importers.world.s3.objects.items()
        }
    )


def _secrets(importers: "Importers") -> Iterator[str]:
    """O11: logs, metrics and executions contain no license key and no API key."""
    words = [importers.lab.printed.getvalue()]
    words += [repr(actor.error) for actor in importers.world.past if actor.error]
    words += [f"{each.name} {each.input}" for each in importers.machine.executions.values()]
    text = "\n".join(words)
    secrets = {shop.key for shop in importers.lab.shops.values()}
    for file in importers.files.values():
        secrets |= {row.key for row in file.rows if row.key.startswith(("OWN-", "IMP-"))}
    yield from (f"O11 {secret} was logged" for secret in secrets if secret in text)


def _bad_rows(importers: "Importers", job: ImportJob, file: File) -> list[Row] | None:
    """Return the rows that must fail; None if that does not follow from the file alone."""
    if job.kind == "license-features":
        return None
    if job.kind == "licenses" and _is_archived(importers, job):
        return None
    repeated = _duplicates(importers, job, file)
    return [row for row in file.rows if row.codes or row.row in repeated]


def _duplicates(importers: "Importers", job: ImportJob, file: File) -> dict[int, int]:
    """Return the rows that must be duplicates, with the row that owns their name."""
    if job.kind == "license-features":
        return {}
    made, holders = f"import {job.number}#", {}
    if job.kind == "licenses" and not job.dry_run and job.state != "rejected":
        for item in rows_of(importers.world, LICENSES, job.company):
            maker = item.get("made_by", {"S": ""})["S"]
            if maker.startswith(made) and "license_key" in item:
                holders[item["license_key"]["S"].lower()] = int(maker.removeprefix(made))
    return file.repeated(holders)


def _repeated(importers: "Importers", job: ImportJob, file: File, name: str) -> Iterator[str]:
    """J12: a name belongs to one row; every other row has the same content or is an error."""
    if job.kind == "license-features" or (job.kind == "licenses" and _is_archived(importers, job)):
        return
    listed = _read(importers, job, f"/api/v1/imports/{job.number}/errors/").json()["results"]
    reported = {
        each["row"]: fault["message"]
        for each in listed
        for fault in each["errors"]
        if fault["code"] == "duplicate_in_file"
    }
    meant = _duplicates(importers, job, file)
    if reported.keys() != meant.keys():
        yield f"J12 {name} reports the duplicates {sorted(reported)}, must report {meant}"
    for row in reported.keys() & meant.keys():
        if not reported[row].startswith(f"row {meant[row]} of this file"):
            yield f"J12 {name}, row {row}: {reported[row]}; its name is of row {meant[row]}"


def _is_archived(importers: "Importers", job: ImportJob) -> bool:
    """Whether the product was archived in the catalog that the job pinned."""
    pinned = importers.world.s3.read(f"_results/{job.company}/{job.number}/catalog.json")
    products = json.loads(pinned or b"[]")
    return any(each["short_code"] == "kp" and each["is_archived"] for each in products)


def _archived(codes: tuple[str, ...]) -> bool:
    return "archived_product" in codes


def _stored_file(importers: "Importers", job: ImportJob) -> File | None:
    """Return the file that a form uploaded, found by its content."""
    data = importers.world.s3.read(job.key, job.version_id) if job.version_id else None
    return next((file for file in importers.sent if file.data == data), None)


def _read(importers: "Importers", job: ImportJob, path: str) -> Any:
    key = importers.lab.shops[job.company].key
    return importers.world.alone(
        "auditor", lambda: send(job_status.handler, "GET", path, key=key)
    ).result
