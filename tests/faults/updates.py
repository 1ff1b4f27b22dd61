"""Imports that update licenses and their features, next to other changes of the same licenses.

A watch checks every write: what a row changed, and how often.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from functions import job_status, start_import
from shared.access import WRITER
from shared.store.dynamo import from_item
from tests.faults.dynamodb import Write
from tests.faults.history import IMPORTS, LICENSES
from tests.faults.world import Actor
from tests.http_event import send

if TYPE_CHECKING:
    from tests.faults.changes import Changers

_STATE = {"updated_at", "applied_rows", "changed_by", "changed_from", WRITER}
_COLUMNS = ("max_transfers", "grace_period")
_OWN_KEYS = ("UPD-1", "UPD-2")
_TRIES = 4


@dataclass(frozen=True)
class UpdateFile:
    """A file whose rows set one field; rows that repeat a name differ from its first row."""

    kind: str
    name: str
    """The field."""
    rows: tuple[tuple[str, int], ...]
    """License key and value."""

    @property
    def data(self) -> bytes:
        if self.kind == "license-features":
            header = f"license_key,code,{self.name}"
            rows = (f"{key},credits,{value}" for key, value in self.rows)
        else:
            header = f"license__license_key,product__short_code,license__{self.name}"
            rows = (f"{key},kp,{value}" for key, value in self.rows)
        return "\n".join((header, *rows, "")).encode()

    def acting(self) -> dict[int, tuple[str, int]]:
        """The first row of each key, by its number."""
        first: dict[str, int] = {}
        for number, (key, _) in enumerate(self.rows, 1):
            first.setdefault(key, number)
        return {number: self.rows[number - 1] for number in first.values()}


@dataclass
class Updates:
    """The update imports of a schedule."""

    run: "Changers"
    files: dict[int, UpdateFile] = field(default_factory=dict)
    """By the number of their imports."""
    changes: Counter[tuple[Any, str]] = field(default_factory=Counter)
    """How often each row changed each record."""
    violations: list[str] = field(default_factory=list)
    license_writes: int = 0

    def __post_init__(self) -> None:
        self.run.world.watchers.append(self._hear)

    def begin(self, keys: tuple[str, ...]) -> None:
        """Start an import that updates licenses, or features.

        All imports of the schedule then are small ones, or large ones with several chunks.
        """
        os.environ["IMPORT_INLINE_BYTES"] = self.run.world.rng.choice(("0", "1000000"))
        self.run.world.spawn("updater", partial(self._send, self._file(keys)))

    def _file(self, keys: tuple[str, ...]) -> UpdateFile:
        rng = self.run.world.rng
        if rng.random() < 0.3:
            rows = [(key, rng.randrange(1, 4)) for key in keys]
            return UpdateFile("license-features", "max_consumption", tuple(rows))
        rows = [(key, rng.randrange(1, 4)) for key in (*keys, *_OWN_KEYS)]
        rng.shuffle(rows)
        if rng.random() < 0.5:
            key, value = rng.choice(rows)
            rows.append((key, value + 10))
        return UpdateFile("licenses", rng.choice(_COLUMNS), tuple(rows))

    def _send(self, file: UpdateFile) -> int | None:
        """Request the import and upload its file; returns the import's number."""
        world, key = self.run.world, self.run.shop.key
        body = {"kind": file.kind, "file_name": "a.csv", "size": len(file.data)}
        body |= {"on_existing": "update", "external_id": str(world.rng.random())}
        act = partial(send, start_import.handler, "POST", "/api/v1/imports/", body=body, key=key)
        for _ in range(_TRIES):
            actor = world.spawn("request of an update", act, company=self.run.shop.company)
            while not actor.done:
                world.wait()
            if actor.error is None and actor.result.status == 202:
                number: int = actor.result.json()["id"]
                self.files[number] = file
                upload = actor.result.json()["upload"]
                if upload:
                    world.s3.put(upload["fields"]["key"], file.data)
                return number
        return None

    def _hear(self, _: Actor | None, writes: list[Write]) -> None:
        for write in writes:
            if write.table == LICENSES:
                self.license_writes += 1
                if write.before and write.after:
                    self._check(from_item(write.before), from_item(write.after))

    def _check(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        place = before["pk"]
        if not self._check_change(place, before, after, "license") and "changed_by" in after:
            self.violations.append(f"U3 another change of {place} keeps changed_by")
        old, new = (
            {each["code"]: each for each in item.get("product_features", ())}
            for item in (before, after)
        )
        for code in old.keys() & new.keys():
            self._check_change((place, code), old[code], new[code], "feature")

    def _check_change(
        self, place: Any, before: dict[str, Any], after: dict[str, Any], what: str
    ) -> bool:
        """Check what an import's row changed; returns whether it was a row that wrote."""
        if after.get("applied_rows") == before.get("applied_rows"):
            return False
        maker, names = after["applied_rows"][-1], {*before, *after} - _STATE
        changed = {name for name in names if before.get(name) != after.get(name)}
        self.changes[place, maker] += 1
        if self.changes[place, maker] > 1:
            self.violations.append(f"U1 {maker} changed {place} {self.changes[place, maker]} times")
        number, row = (int(part) for part in maker.removeprefix("import ").split("#"))
        file = self.files.get(number)
        if file is None:
            self.violations.append(f"U2 {maker} changed {place}, and updates nothing")
            return True
        if changed != {file.name}:
            self.violations.append(f"U3 {maker} changed {sorted(changed)} of {place}")
        if row not in file.acting() or after.get(file.name, 0) != file.rows[row - 1][1]:
            self.violations.append(f"U1 {maker} set {file.name} of {place} to {after}")
        kept = {"job": number, "fields": {file.name: before.get(file.name)}}
        if (after.get("changed_by"), after.get("changed_from")) != (maker, kept):
            self.violations.append(f"U3 {what} {place} keeps {after.get('changed_from')}: {kept}")
        return True

    def check(self) -> Iterator[str]:
        """Check the results of ended imports; then import a file again, twice."""
        yield from self.violations
        for number in self.files:
            yield from self._counted(number)
        for file in [*self.files.values()][:1]:
            self._again(file)
            before = self.license_writes
            number = self._again(file)
            counts = self._counts(number)
            if self.license_writes != before:
                yield f"U4 import {number} of the same file wrote licenses"
            if counts.get("unchanged") != len(file.acting()):
                yield f"U4 import {number} of the same file has {counts}"
        yield from self.violations

    def _again(self, file: UpdateFile) -> int:
        number = self.run.world.alone("updater", partial(self._send, file)).result
        assert isinstance(number, int)
        return number

    def _counted(self, number: int) -> Iterator[str]:
        """U1: every first row of a key has changed its record if it is counted as updated."""
        item = self.run.world.dynamodb.tables[IMPORTS].items[
            self.run.shop.company, f"job#{number:010}"
        ]
        if item["state"]["S"] not in ("succeeded", "completed_with_errors"):
            return
        counts, made = self._counts(number), f"import {number}#"
        changed = len({place for place, maker in self.changes if maker.startswith(made)})
        if counts["updated"] != changed:
            yield f"U1 import {number} counts {counts}, and has updated {changed} records"
        if counts["existed"] != counts["updated"] + counts["unchanged"]:
            yield f"U1 import {number} counts {counts}"

    def _counts(self, number: int) -> dict[str, int]:
        path, key = f"/api/v1/imports/{number}/", self.run.shop.key
        act = partial(send, job_status.handler, "GET", path, key=key)
        shown = self.run.world.alone("auditor", act).result.json()
        counts = shown["counts"] or {}
        return {
            name.partition("_license")[0]: count
            for name, count in counts.items()
            if "_license" in name
        }
