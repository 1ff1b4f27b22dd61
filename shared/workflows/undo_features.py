"""Undo rows of license features: remove the features that they added, set back those they changed.

All rows of a license are undone in one write. The license remembers the rows, so that a batch that
runs again recognizes them.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.access import WRITER
from shared.catalog import FeatureGrant
from shared.errors import Busy
from shared.row_entries import FeatureEntry, Import, granted
from shared.row_updates import MOST_APPLIED
from shared.store import bulk, dynamo
from shared.store.licenses import TABLE as LICENSES
from shared.store.licenses import license_lookup
from shared.store.lookup import Lookup, find
from shared.store.retry import contended
from shared.store.tombstones import is_deleted
from shared.workflows.batch import Batch
from shared.workflows.undo_updates import Decision, as_planned, decide, undone_before

_THREADS = 8
_TRIES = 12
_NOT_COMPARED = ("made_by", "applied_rows", "changed_by", "changed_from")

type _Item = dict[str, Any]


def undo_features(
    job: Import, entries: list[FeatureEntry], done: Batch, pool: bulk.Pool, *, dry_run: bool
) -> None:
    """Undo rows of features, or determine their results."""
    by_key: dict[str, list[FeatureEntry]] = {}
    for entry in entries:
        by_key.setdefault(entry.key, []).append(entry)
    lookups = _lookups(job, [*by_key])
    licenses = {key: [each.found for each in of if each.found] for key, of in lookups.items()}
    left: dict[str, list[FeatureEntry]] = {key: [] for key in by_key}
    for key, of in lookups.items():
        graves = [grave for each in of for grave in each.deleted]
        for entry in by_key[key]:
            license_id = undone_before(job, entry.record.row, graves)
            if license_id is not None:
                done.reverted_features += 1
                done.results.undo(entry.record.row, "license_id", license_id)
            else:
                left[key].append(entry)

    def undo(key: str) -> list[tuple[FeatureEntry, int, Decision]]:
        pool.patience.check()
        undone = _undo_rows(job, left[key], licenses[key], dry_run=dry_run)
        pool.patience.progressed = True
        return undone

    with pool.patience.turns.released(), ThreadPoolExecutor(_THREADS) as executor:
        results = [*executor.map(undo, [key for key in left if left[key] and licenses[key]])]
    for entry, license_id, decision in (each for of in results for each in of):
        if decision == "reverted":
            done.reverted_features += 1
            done.results.undo(entry.record.row, "license_id", license_id)
        elif decision != "nothing":
            done.kept_features += 1
            done.results.undo(entry.record.row, "license_id", license_id, decision)


def _lookups(job: Import, keys: Sequence[str]) -> dict[str, list[Lookup]]:
    """The lookups of the license with each key; for a bundle, also those of its members."""
    lookups = {key: [license_lookup(job.company, key)] for key in keys}
    find(each for of in lookups.values() for each in of)
    for key, (own, *_) in lookups.items():
        product = job.catalog.get((own.found or {}).get("product_code", ""))
        if product is not None and product.bundle_products:
            members = [license_lookup(job.company, key, code) for code in product.bundle_products]
            find(members)
            lookups[key] += members
    return lookups


def _undo_rows(
    job: Import, entries: Sequence[FeatureEntry], licenses: Sequence[_Item], *, dry_run: bool
) -> list[tuple[FeatureEntry, int, Decision]]:
    """Undo the rows of a key: each in the license that has its feature, or had it."""
    by_license: dict[int, list[FeatureEntry]] = {}
    for entry in entries:
        lic = _license_of(job, entry, licenses)
        by_license.setdefault(lic["id"], []).append(entry)
    stored = {item["id"]: item for item in licenses}
    return [
        (entry, id, decision)
        for id, of in by_license.items()
        for entry, decision in _undo_license(job, stored[id], of, dry_run=dry_run)
    ]


def _license_of(job: Import, entry: FeatureEntry, licenses: Sequence[_Item]) -> _Item:
    """The license whose feature the row has added or changed, else the first one with it."""
    undone, code = job.undo_maker(entry.record.row), entry.request.code
    having = [lic for lic in licenses if code in _grants(lic)]
    for lic in licenses:
        grant = _grants(lic).get(code, {})
        if undone in lic.get("applied_rows", ()) or _decide(job, entry, grant) != "not_ours":
            return lic
    return having[0] if having else licenses[0]


def _grants(lic: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {grant["code"]: grant for grant in lic.get("product_features", ())}


def _undo_license(
    job: Import, lic: _Item, entries: Sequence[FeatureEntry], *, dry_run: bool
) -> list[tuple[FeatureEntry, Decision]]:
    """Undo the rows of a license in one write, on the `updated_at` that was read."""
    for _ in contended(_TRIES):
        undo = _Undo(job, lic)
        for entry in entries:
            undo.decide(entry)
        if dry_run or not undo.rows or dynamo.write([undo.update()]):
            return undo.results
        again = dynamo.get(LICENSES, (lic["pk"],))
        if again is None or is_deleted(again):
            return [(entry, "nothing") for entry in entries]
        lic = again
    raise Busy


@dataclass
class _Undo:
    """The features of a license without what some rows have done."""

    job: Import
    lic: _Item
    grants: dict[str, dict[str, Any]] = field(init=False)
    rows: list[int] = field(default_factory=list)
    """The rows that this write undoes."""
    results: list[tuple[FeatureEntry, Decision]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.grants = _grants(self.lic)

    def decide(self, entry: FeatureEntry) -> None:
        row, code = entry.record.row, entry.request.code
        if self.job.undo_maker(row) in self.lic.get("applied_rows", ()):
            self.results.append((entry, "reverted"))
            return
        grant = self.grants.get(code)
        decision = _decide(self.job, entry, grant) if grant else "nothing"
        if decision == "delete":
            del self.grants[code]
        elif decision == "restore":
            self.grants[code] = _set_back(grant or {})
        if decision in ("delete", "restore"):
            self.rows.append(row)
            decision = "reverted"
        self.results.append((entry, decision))

    def update(self) -> dict[str, Any]:
        """The write of the features that are left."""
        lic, now = self.lic, datetime.now(UTC)
        now = max(now, datetime.fromisoformat(lic["updated_at"]) + timedelta(microseconds=1))
        made = [self.job.undo_maker(row) for row in self.rows]
        fields = {
            "product_features": [*self.grants.values()],
            "updated_at": now.isoformat(),
            "applied_rows": [*lic.get("applied_rows", ()), *made][-max(MOST_APPLIED, len(made)) :],
            "changed_by": None,
            "changed_from": None,
            WRITER: None,
        }
        body = dynamo.field_update((lic["pk"],), fields, "updated_at", lic["updated_at"])
        return {"Update": {"TableName": dynamo.table(LICENSES), **body}}


def _decide(job: Import, entry: FeatureEntry, grant: Mapping[str, Any]) -> Decision:
    """Decide about a feature of a license, which a row has added, changed, or neither."""
    decision = decide(job, entry.record.row, grant)
    if decision == "delete" and not _is_as_added(job, entry, grant):
        return "changed_since"
    return as_planned(job, entry.record.row, decision)


def _is_as_added(job: Import, entry: FeatureEntry, grant: Mapping[str, Any]) -> bool:
    """Whether a feature has the terms with which its row has added it."""
    products = [each for each in job.catalog.values() if each.feature(entry.request.code)]
    there = FeatureGrant.model_validate(grant).model_dump(exclude=set(_NOT_COMPARED))
    return any(
        granted(entry, product).model_dump(exclude=set(_NOT_COMPARED)) == there
        for product in products
    )


def _set_back(grant: Mapping[str, Any]) -> dict[str, Any]:
    """A feature with the values before the row that has changed it."""
    after = {**grant, **grant["changed_from"]["fields"]}
    return {
        name: value
        for name, value in after.items()
        if value is not None and name not in ("changed_by", "changed_from")
    }
