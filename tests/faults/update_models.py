"""Random pairs of files, imported one after another and compared with a dictionary.

There are no faults. The model knows the options, and none of the code: records are dictionaries of
their columns, and each row of a file has the codes of its errors, or an outcome.
"""

import csv
import io
import os
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from functions import job_status, start_import
from shared.store.dynamo import from_item
from tests.faults.history import CUSTOMERS, LICENSES
from tests.faults.laboratory import COMPANIES, Laboratory
from tests.faults.machine import Machine
from tests.faults.world import World
from tests.functions.shop import Shop
from tests.http_event import send

COMPANY = COMPANIES[0]
NONE = "\\N"
_STATE = {"updated_at", "applied_rows", "changed_by", "changed_from"}
_NUMBERS = {"max_activations": 1, "floating_users": 0, "max_transfers": 0}
"""Terms that have a default and can't be cleared."""
_TEXTS = ("note", "subscription_id", "start_date")
_CUSTOMER = ("first_name", "city", "reference")

type Cells = dict[str, str]
type Rows = dict[int, tuple[str, set[str]]]
"""By row: `created`, `updated`, `unchanged` or `failed`, and the codes of a failed row."""


@dataclass(frozen=True)
class Options:
    """The options of an import."""

    on_existing: str
    on_missing: str
    dry_run: bool
    on_error: str

    @property
    def updates(self) -> bool:
        return self.on_existing == "update"


@dataclass
class Model:
    """What the records of a kind should be: their fields that have a value, by key."""

    kind: str
    records: dict[str, dict[str, Any]] = field(default_factory=dict)

    def run(self, rows: list[Cells], options: Options) -> Rows:
        """Import rows: their results. Records change unless it is a dry run, or is rejected."""
        before = {key: dict(record) for key, record in self.records.items()}
        first: dict[str, int] = {}
        results: Rows = {}
        for number, cells in enumerate(rows, 1):
            codes = self._read(cells, options)
            if codes:
                results[number] = "failed", codes
                continue
            key = self._name(cells)
            results[number] = self._row(cells, rows, options, before, first.setdefault(key, number))
        failed = any(outcome == "failed" for outcome, _ in results.values())
        if options.dry_run or (failed and options.on_error == "reject_all"):
            self.records = before
        return results

    @property
    def key(self) -> str:
        return "license_key" if self.kind == "licenses" else "email"

    def _name(self, cells: Cells) -> str:
        name = cells[self.key]
        return name.lower() if self.kind == "customers" else name

    def _row(
        self,
        cells: Cells,
        rows: list[Cells],
        options: Options,
        before: Mapping[str, Any],
        first: int,
    ) -> tuple[str, set[str]]:
        key, acts = self._name(cells), rows[first - 1] is cells
        there = before.get(key)
        same = acts or self._content(cells, options) == self._content(rows[first - 1], options)
        if there is not None and options.on_existing == "refuse":
            return "failed", {"already_exists"}
        if there is None and options.on_missing == "refuse":
            codes = {"no_such_record"}
            return "failed", codes if same or not options.updates else {"duplicate_in_file"}
        if not same:
            return "failed", {"duplicate_in_file"}
        if there is None:
            made = self._set({}, cells)
            if codes := self._rules(made):
                return "failed", codes
            if acts:
                self.records[key] = made
            return ("created" if acts else "unchanged"), set()
        if not options.updates:
            return "unchanged", set()
        after = self._set(there, cells)
        if codes := self._refusals(there, after, cells):
            return "failed", codes
        if acts:
            self.records[key] = after
        return ("updated" if acts and after != there else "unchanged"), set()

    def _read(self, cells: Cells, options: Options) -> set[str]:
        codes = {
            "required"
            for name, cell in cells.items()
            if cell == NONE and name not in (*_TEXTS, *_CUSTOMER)
        }
        if self.kind == "customers" and not cells[self.key]:
            return {"no_key_to_match"}
        if not options.updates and not codes:
            return self._rules(self._set({}, cells))
        return codes

    def _content(self, cells: Cells, options: Options) -> Any:
        """What two rows of one key must have in common."""
        if options.updates:
            return {name: cell for name, cell in cells.items() if cell and name != self.key}
        return self._set({}, cells)

    def _set(self, record: Mapping[str, Any], cells: Cells) -> dict[str, Any]:
        found = dict(record) or self._new()
        for name, cell in cells.items():
            if name == self.key or not cell:
                continue
            found.pop(name, None)
            if cell != NONE:
                found[name] = int(cell) if name in _NUMBERS else cell
        return found

    def _new(self) -> dict[str, Any]:
        return {"license_type": "perpetual", **_NUMBERS} if self.kind == "licenses" else {}

    def _rules(self, record: Mapping[str, Any]) -> set[str]:
        too_many = record.get("floating_users", 0) > record.get("max_activations", 1)
        return {"too_many_floating_users"} if too_many else set()

    def _refusals(
        self, there: Mapping[str, Any], after: Mapping[str, Any], cells: Cells
    ) -> set[str]:
        if self.kind == "customers" or after == there:
            return set()
        if after["product"] != there["product"]:
            return {"product_differs"}
        moved = cells.get("license_type") and after["license_type"] != there["license_type"]
        return self._rules(after) | ({"immutable"} if moved else set())


def compare(lab: Laboratory, seed: int) -> tuple[World, list[str]]:
    """Import two random files; returns the world and the differences from the model."""
    world = lab.world(seed)
    rng = random.Random(seed)
    Machine(world)
    model = Model("licenses" if rng.random() < 0.7 else "customers")
    found: list[str] = []
    for _ in range(2):
        options = Options(
            rng.choice(("update", "update", "keep", "refuse")),
            rng.choice(("create", "create", "refuse")),
            rng.random() < 0.15,
            rng.choice(("skip_row", "skip_row", "reject_all")),
        )
        rows = [*_some_rows(rng, model.kind, options)]
        # Of a large file that keeps records, any row of a key can be the one that counts.
        sizes = ("0", "1000000") if options.updates else ("1000000",)
        os.environ["IMPORT_INLINE_BYTES"] = rng.choice(sizes)
        before = _stored(world, model.kind)
        known = {*model.records}
        results = model.run(rows, options)
        shown = _imported(world, lab.shops[COMPANY], model.kind, rows, options)
        about = f"{model.kind} {options} {rows}"
        found += [f"{each} in {about}" for each in _differences(model, results, shown, options)]
        after = _stored(world, model.kind)
        if (kept := _as_model(model.kind, after)) != model.records:
            found.append(f"stored {kept}, not {model.records}, in {about}")
        if not options.updates or options.dry_run:
            changed = [key for key in known if before[key] != after[key]]
            found += [f"U2 {key} has changed in {about}" for key in changed]
        found += [
            f"U3 {key} has changed in other fields in {about}"
            for key in known
            if _other_fields(model.kind, before[key]) != _other_fields(model.kind, after[key])
        ]
    return world, found


def _some_rows(rng: random.Random, kind: str, options: Options) -> Iterator[Cells]:
    no_value = NONE if options.updates else ""
    for _ in range(rng.choice((1, 2, 4, 8, 12))):
        if kind == "customers":
            cells = {"email": rng.choice(("a@x.test", "b@x.test", "C@x.test", "d@x.test"))}
            if options.updates and rng.random() < 0.1:
                cells["email"] = ""
            cells |= {name: rng.choice(("", "x", "y", no_value)) for name in _CUSTOMER}
            cells["first_name"] = cells["first_name"] or "z"  # a row fills one column at least
        else:
            cells = {"license_key": f"K-{rng.randrange(6)}"}
            cells["product"] = rng.choice(("kp", "kp", "kp", "kp", "p1"))
            kinds = ("", "", "", "perpetual", "subscription")
            cells["license_type"] = rng.choice(kinds)
            cells["note"] = rng.choice(("", "", "x", "y", no_value))
            cells["subscription_id"] = rng.choice(("", "", "s-1", no_value))
            cells["start_date"] = rng.choice(("", "", "2027-01-01", no_value))
            for name in _NUMBERS:
                odd = no_value if rng.random() < 0.05 else ""
                cells[name] = rng.choice(("", "", "", "1", "2", "3", odd))
        yield cells


def _imported(
    world: World, shop: Shop, kind: str, rows: list[Cells], options: Options
) -> tuple[dict[str, Any], dict[int, set[str]]]:
    """Import the rows: the counts, and the codes of each failed row."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(_header(kind, name) for name in rows[0])
    writer.writerows(cells.values() for cells in rows)
    data = out.getvalue().encode()
    body = {"kind": kind, "file_name": "a.csv", "size": len(data), **vars(options)}
    post = partial(send, start_import.handler, "POST", "/api/v1/imports/", key=shop.key, body=body)
    started = world.alone("client", post).result.json()
    world.s3.put(started["upload"]["fields"]["key"], data)
    world.run()
    path = f"/api/v1/imports/{started['id']}/"
    read = partial(send, job_status.handler, "GET", key=shop.key)
    job = world.alone("client", partial(read, path)).result.json()
    errors = world.alone("client", partial(read, f"{path}errors/")).result.json()["results"]
    codes = {each["row"]: {fault["code"] for fault in each["errors"]} for each in errors}
    return job, codes


def _header(kind: str, name: str) -> str:
    if kind == "customers":
        return name
    return "product__short_code" if name == "product" else f"license__{name}"


def _differences(
    model: Model,
    results: Rows,
    shown: tuple[dict[str, Any], dict[int, set[str]]],
    options: Options,
) -> Iterator[str]:
    job, codes = shown
    failed = {row: wanted for row, (outcome, wanted) in results.items() if outcome == "failed"}
    if codes.keys() != failed.keys():
        yield f"failed {codes}, not {failed}"
    for row in codes.keys() & failed.keys():
        if codes[row] != failed[row]:
            yield f"row {row} has {codes[row]}, not {failed[row]}"
    rejected = bool(failed) and options.on_error == "reject_all"
    ended = "rejected" if rejected else "completed_with_errors" if failed else "succeeded"
    if job["state"] != ended:
        yield f"the import is {job['state']}, not {ended}"
    if rejected:
        return
    for outcome in ("created", "updated", "unchanged"):
        wanted = sum(each == outcome for each, _ in results.values())
        if job["counts"][f"{outcome}_{model.kind}_count"] != wanted:
            yield f"{outcome}: {job['counts']}, not {wanted}"


def _stored(world: World, kind: str) -> dict[str, dict[str, Any]]:
    table, key = (LICENSES, "license_key") if kind == "licenses" else (CUSTOMERS, "email")
    items = map(from_item, world.dynamodb.tables[table].items.values())
    return {item[key]: item for item in items if key in item and item["pk"].startswith(COMPANY)}


def _as_model(kind: str, items: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    if kind == "customers":
        return {key: _given(item, _CUSTOMER) for key, item in items.items()}
    return {
        key: {
            **_given(item, ("license_type", *_TEXTS)),
            **{name: item.get(name, default) for name, default in _NUMBERS.items()},
            "product": item["product_code"],
        }
        for key, item in items.items()
    }


def _given(item: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: item[name] for name in names if name in item}


def _other_fields(kind: str, item: Mapping[str, Any]) -> dict[str, Any]:
    named = {*_CUSTOMER} if kind == "customers" else {*_TEXTS, *_NUMBERS}
    return {name: value for name, value in item.items() if name not in named | _STATE}
