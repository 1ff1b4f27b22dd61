"""Check the promises about undos of docs/reliability.md, at every write and at the end."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from functions import job_status
from shared.access import WRITER
from shared.store.dynamo import from_item
from tests.faults.check_lists import check_lists
from tests.faults.check_orders import stored as wrongly_stored
from tests.faults.dynamodb import Write
from tests.faults.history import CUSTOMERS, IMPORTS, LICENSES, ORDERS, licenses_of, rows_of
from tests.faults.world import Actor, World
from tests.http_event import send

if TYPE_CHECKING:
    from tests.faults.undos import Undoers

_TABLES = {LICENSES: "license_id", ORDERS: "order_id", CUSTOMERS: "customer_id"}
_STATE = {"updated_at", "applied_rows", "changed_by", "changed_from", WRITER}
_PAGES = {"removed", "added_at", "added"}


def visible(world: World, company: str) -> dict[str, Any]:
    """The records of a company without what a record remembers of its changes."""
    found: dict[str, Any] = {}
    for item in map(from_item, licenses_of(world, company)):
        grants = [
            {name: value for name, value in grant.items() if name not in _STATE}
            for grant in item.pop("product_features", ())
        ]
        kept = {name: value for name, value in item.items() if name not in _STATE}
        found[f"license {item['id']}"] = kept | ({"product_features": grants} if grants else {})
    for row in map(from_item, rows_of(world, CUSTOMERS, company)):
        kind = row["sk"].partition("#")[0]
        if kind in ("customer", "user") and "deleted_at" not in row:
            kept = {name: value for name, value in row.items() if name not in _STATE}
            found[f"{kind} {row['id']}"] = kept
    for row in map(from_item, rows_of(world, ORDERS, company)):
        if row["sk"] == "order" and "deleted_at" not in row:
            own = {name: value for name, value in row.items() if name not in _STATE | _PAGES}
            found[f"order {row['id']}"] = own
    return found


@dataclass
class UndoWatch:
    """Checks every write of an undo, and of imports next to it."""

    world: World
    company: str
    violations: list[str] = field(default_factory=list)
    removed: dict[int, set[str]] = field(default_factory=dict)
    """The keys of licenses, orders and customers that each undo has deleted."""
    restored: dict[int, set[tuple[str, str]]] = field(default_factory=dict)
    """The records that each undo has set back, with the row."""
    rows: dict[int, set[tuple[str, int]]] = field(default_factory=dict)
    """The tables and rows whose records each undo has deleted or set back."""

    def __post_init__(self) -> None:
        self.world.watchers.append(self._hear)

    def _hear(self, _: Actor | None, writes: list[Write]) -> None:
        undo = self._holder()
        for write in writes:
            if write.table not in (LICENSES, ORDERS, CUSTOMERS):
                continue
            before = from_item(write.before) if write.before else {}
            after = from_item(write.after) if write.after else {}
            by = after.get("deleted_by", "").removeprefix("import ")
            if by.isdigit() and "deleted_at" not in before:
                self._check_removed(int(by), write, before)
            elif write.table in (LICENSES, CUSTOMERS) and before and after:
                self._check_restored(write, before, after)
            self._check_alone(undo, write, before, after)

    def _holder(self) -> int | None:
        item = self.world.dynamodb.tables[IMPORTS].items.get((self.company, "undo#0"))
        return int(item["held_by"]["N"]) if item else None

    def _undone(self, undo: int) -> str:
        """How records name the import that an undo undoes."""
        job = self.world.dynamodb.tables[IMPORTS].items[self.company, f"job#{undo:010}"]
        return f"import {job['undoes']['N']}#"

    def _check_removed(self, undo: int, write: Write, before: dict[str, Any]) -> None:
        """R2 R3: only records of the import, which nobody has changed and nothing names, go."""
        what = f"{write.key} of {before.get('made_by')}"
        self.removed.setdefault(undo, set()).add(f"{write.table} {write.key}")
        is_user = write.key[-1].startswith("user#")
        if write.table == CUSTOMERS and not (is_user or write.key[-1].startswith("customer#")):
            return
        if write.table == ORDERS and write.key[-1] != "order":
            return
        if not before.get("made_by", "").startswith(self._undone(undo)):
            self.violations.append(f"R2 undo {undo} deleted {what}")
        if not is_user:
            self._note_row(undo, write, before.get("made_by", ""))
        is_changed = before.get("updated_at") != before.get("created_at")
        is_used = "license_users" in before and "row_name" not in before
        if write.table != ORDERS and (is_changed or is_used):
            self.violations.append(f"R2 undo {undo} deleted {what}, changed since: {before}")
        self._check_named(undo, write, before)

    def _note_row(self, undo: int, write: Write, maker: str) -> None:
        """R5: a dry run changes nothing; what an undo has reverted is compared with its plan."""
        job = self.world.dynamodb.tables[IMPORTS].items[self.company, f"job#{undo:010}"]
        if "dry_run" in job and job["dry_run"]["BOOL"]:
            self.violations.append(f"R5 dry run {undo} has written {write.key}")
        self.rows.setdefault(undo, set()).add((write.table, int(maker.partition("#")[2] or 0)))

    def _check_named(self, undo: int, write: Write, before: dict[str, Any]) -> None:
        id, field_ = before["id"], {ORDERS: "order_id", CUSTOMERS: "customer_id"}.get(write.table)
        licenses = [from_item(item) for item in licenses_of(self.world, self.company)]
        stored = map(from_item, rows_of(self.world, ORDERS, self.company))
        rows = [row for row in stored if "deleted_at" not in row]
        if field_ is not None and any(lic.get(field_) == id for lic in licenses):
            self.violations.append(f"R3 undo {undo} deleted {write.key} under a license")
        if write.table == CUSTOMERS and any(
            row.get("customer_id") == id and row["sk"] == "order" for row in rows
        ):
            self.violations.append(f"R3 undo {undo} deleted {write.key} under an order")
        if write.table == LICENSES:
            for row in rows:
                if any(id in item["license_ids"] for item in row.get("items", ())):
                    where = f"{row['pk']} {row['sk']}"
                    self.violations.append(f"R3 undo {undo} left {write.key} in {where}")

    def _check_restored(self, write: Write, before: dict[str, Any], after: dict[str, Any]) -> None:
        """R2: a record is set back only if the row was the last to change it, to what it was."""
        old, new = (item.get("applied_rows", []) for item in (before, after))
        makers = [maker for maker in new if maker not in old]
        for maker in makers:
            number, row = (int(part) for part in maker.removeprefix("import ").split("#"))
            job = self.world.dynamodb.tables[IMPORTS].items[self.company, f"job#{number:010}"]
            if "undoes" not in job:
                continue
            place = write.key[0], maker
            if place in self.restored.setdefault(number, set()):
                self.violations.append(f"R4 undo {number} set {place} back twice")
            self.restored[number].add(place)
            self._note_row(number, write, maker)
            if job["kind"]["S"] == "license-features":
                self._check_features(maker, f"{self._undone(number)}{row}", before, after)
            elif before.get("changed_by") != f"{self._undone(number)}{row}":
                self.violations.append(f"R2 {maker} set back {write.key}: {before}")
            else:
                wanted = {**before, **before["changed_from"]["fields"]}
                differing = {
                    name
                    for name in {*wanted, *after} - _STATE
                    if wanted.get(name) != after.get(name)
                }
                if differing:
                    self.violations.append(f"R2 {maker} changed {sorted(differing)} of {before}")

    def _check_features(
        self, maker: str, row: str, before: dict[str, Any], after: dict[str, Any]
    ) -> None:
        changed = {
            name for name in {*before, *after} - _STATE if before.get(name) != after.get(name)
        }
        if changed - {"product_features"}:
            self.violations.append(f"R2 {maker} changed {sorted(changed)}")
        old = {grant["code"]: grant for grant in before.get("product_features", ())}
        new = {grant["code"]: grant for grant in after.get("product_features", ())}
        ours = {code for code, grant in old.items() if str(grant.get("made_by")) == row}
        ours |= {code for code, grant in old.items() if grant.get("changed_by") == row}
        if not {code for code in old if old[code] != new.get(code)} & ours:
            self.violations.append(f"R2 {maker} changed no feature of {row}: {old} {new}")

    def _check_alone(
        self, undo: int | None, write: Write, before: dict[str, Any], after: dict[str, Any]
    ) -> None:
        """R3: no import writes a record while an undo has the lease."""
        made = after.get("made_by", "")
        if undo is not None and not before and made.startswith("import "):
            self.violations.append(f"R3 {made} wrote {write.key} during the undo {undo}")


def check_undos(run: "Undoers", number: int) -> list[str]:
    """Return the violations of R1 to R5, and of the promises about orders and lists."""
    found = [*run.watch.violations, *run.seen.violations]
    company = run.shop.company
    found += _ended(run, number)
    found += _counted(run)
    found += _as_planned(run)
    found += _as_before(run)
    found += wrongly_stored(run.world, company, unfinished=set())
    found += check_lists(run.world, company)
    before, known = visible(run.world, company), len(run.seen.violations)
    run.again()
    if visible(run.world, company) != before:
        found.append("R4 events that were delivered again changed records")
    found += _creates_again(run, number)
    return [*found, *run.seen.violations[known:]]


def _ended(run: "Undoers", number: int) -> Iterator[str]:
    """R4: an import has one undo, which ends and gives the lease back."""
    undos = {undo for undo in run.undos() if int(run.job(undo)["undoes"]["N"]) == number}
    if len(undos) != 1:
        yield f"R4 import {number} has the undos {sorted(undos)}"
    if run.answers.get(number, undos) - undos:
        yield f"R4 the responses for import {number} name {run.answers[number]}, not {undos}"
    for undo in run.undos():
        if run.job(undo)["state"]["S"] != "succeeded":
            yield f"J2 undo {undo} is {run.job(undo)['state']['S']}: {run.job(undo).get('refusal')}"
    items = run.world.dynamodb.tables[IMPORTS].items
    if left := [key for key in items if str(key[-1]).startswith("undo#")]:
        yield f"R3 the lease is left: {left}"
    for (_, sk), item in items.items():
        if sk.startswith("job#") and item["state"]["S"] in ("queued", "validating", "running"):
            yield f"J2 import {sk} is {item['state']['S']}"


def _counted(run: "Undoers") -> Iterator[str]:
    """R4: an undo counts what it has reverted, once."""
    for undo in run.undos():
        counts = _counts_of(run, undo)
        reverted = {name: n for name, n in counts.items() if name.startswith("reverted_")}
        removed = [key.split(" ", 1) for key in run.seen.removed.get(undo, ())]
        tables = {
            "orders": sum(table == ORDERS and "'order'" in key for table, key in removed),
            "customers": sum(table == CUSTOMERS and "'customer#" in key for table, key in removed),
            "licenses": sum(table == LICENSES for table, _ in removed),
        }
        restored = len(run.seen.restored.get(undo, ()))
        kind = run.job(undo)["kind"]["S"]
        wanted = {
            "licenses": {
                "reverted_licenses_count": tables["licenses"] + restored,
                "reverted_orders_count": tables["orders"],
                "reverted_customers_count": tables["customers"],
            },
            "customers": {"reverted_customers_count": tables["customers"] + restored},
            "license-features": {"reverted_license_features": restored},
        }[kind]
        if reverted != wanted:
            yield f"R4 undo {undo} counts {reverted}, and has reverted {wanted}"
        yield from _listed(run, undo, counts)


_PARTS = {
    "license_id": ("licenses_count", "license_features"),
    "order_id": ("orders_count",),
    "customer_id": ("customers_count",),
}


def _listed(run: "Undoers", undo: int, counts: dict[str, int]) -> Iterator[str]:
    """R4: the rows say of each counted record, once, whether it is reverted or kept.

    A row with a quantity names one of its licenses.
    """
    rows = _rows_of(run, undo)
    names_one = b"license__quantity" in run.sheets[int(run.job(undo)["undoes"]["N"])].data
    for part, nouns in _PARTS.items():
        found = Counter(part in (row["kept"] or {}) for row in rows if row[part] is not None)
        for is_kept, verb in ((False, "reverted"), (True, "kept")):
            counted = sum(counts.get(f"{verb}_{noun}", 0) for noun in nouns)
            may_be_fewer = names_one and part == "license_id"
            if found[is_kept] > counted or (found[is_kept] < counted and not may_be_fewer):
                yield f"R4 undo {undo} has {verb} {counted} of {part}, and lists {rows}"


def _counts_of(run: "Undoers", number: int) -> dict[str, int]:
    path = f"/api/v1/imports/{number}/"
    get = partial(send, job_status.handler, "GET", path, key=run.shop.key)
    return run.world.alone("auditor", get).result.json()["counts"] or {}


def _rows_of(run: "Undoers", number: int) -> list[dict[str, Any]]:
    path = f"/api/v1/imports/{number}/rows/"
    get = partial(send, job_status.handler, "GET", path, key=run.shop.key)
    rows: list[dict[str, Any]] = run.world.alone("auditor", get).result.json()["results"]
    return rows


def _as_planned(run: "Undoers") -> Iterator[str]:
    """R5: an undo that commits a plan is the only one, and reverts what its dry run has shown."""
    items = run.world.dynamodb.tables[IMPORTS].items
    for (_, sk), job in items.items():
        if sk.startswith("job#") and "planned_by" in job:
            yield from _as_its_plan(run, int(job["number"]["N"]), int(job["planned_by"]["N"]))
    for plan, undos in run.commits.items():
        by = {int(run.job(undo).get("planned_by", {"N": "0"})["N"]) for undo in undos}
        if len(undos) > 1 or by != {plan}:
            yield f"R5 the responses for the plan {plan} name {undos}, which commit {by}"


def _as_its_plan(run: "Undoers", undo: int, plan: int) -> Iterator[str]:
    if run.job(plan).get("committed_by", {}).get("N") != str(undo):
        yield f"R5 the plan {plan} does not name its commit {undo}"
    planned, rows = _rows_of(run, plan), _rows_of(run, undo)
    reverted = {
        (table, each["row"])
        for each in planned
        for table, part in _TABLES.items()
        if each[part] is not None and part not in (each["kept"] or {})
    }
    if others := run.seen.rows.get(undo, set()) - reverted:
        yield f"R5 undo {undo} has reverted {others}, planned was {planned}"
    if run.is_alone and (rows != planned or _counts_of(run, undo) != _counts_of(run, plan)):
        yield f"R5 undo {undo} has {rows}, planned was {planned}, though nothing has changed"


def _as_before(run: "Undoers") -> Iterator[str]:
    """R1: if nothing else has happened, all records are as before the import."""
    if not run.is_alone:
        return
    after = visible(run.world, run.shop.company)
    for name in sorted(run.before.keys() | after.keys()):
        was, now = run.before.get(name), after.get(name)
        if was != now:
            yield f"R1 {name} was {was}, and is {now}"


def _creates_again(run: "Undoers", number: int) -> Iterator[str]:
    """R1: the same file creates after the undo what the undo has removed."""
    sheet = run.sheets[number]
    if sheet.kind != "licenses":
        return
    again = run.bring_alone(sheet)
    made = f"import {again}#"
    licenses = map(from_item, licenses_of(run.world, run.shop.company))
    created = sum(lic.get("made_by", "").startswith(made) for lic in licenses)
    removed = sum(key.startswith(LICENSES) for of in run.seen.removed.values() for key in of)
    if run.is_alone and created < removed:
        yield f"R1 import {again} created {created} licenses of {removed}"
