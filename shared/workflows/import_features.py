"""Import rows of license features: each license gets all of its rows in one write."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from shared.access import WRITER
from shared.catalog import FeatureGrant, Product
from shared.csv_format.reader import Record
from shared.differences import (
    Holder,
    content_digest,
    existing_fault,
    existing_warnings,
    feature_differences,
    missing_fault,
    repeated_fault,
)
from shared.errors import Busy
from shared.licenses import License
from shared.row_entries import (
    Faults,
    FeatureEntry,
    Import,
    InvalidRecord,
    fault_of,
    feature_faults,
    granted,
    offers,
    unknown_license,
)
from shared.row_results import Changes, changes_of, noted_changes
from shared.row_updates import RowRefused, applied, changed_from, feature_change
from shared.store import bulk, dynamo
from shared.store.catalog import all_products
from shared.store.licenses import TABLE as LICENSES
from shared.store.licenses import license_lookup, licenses_by_id, visible_licenses
from shared.store.lookup import find
from shared.store.retry import attempts
from shared.values import record_id
from shared.workflows.batch import Batch, holder_of
from shared.workflows.update_records import CHANGED, TRIES

_THREADS = 8


def import_features(
    job: Import,
    entries: list[FeatureEntry],
    done: Batch,
    pool: bulk.Pool,
    *,
    dry_run: bool,
) -> None:
    products = {product.id: product for product in job.catalog.values()}
    keys = list(dict.fromkeys(entry.key for entry in entries))
    held = _licenses_of_keys(job, keys, products)
    by_license: dict[int, tuple[License, list[FeatureEntry]]] = {}
    for entry in entries:
        licenses = held.get(entry.key, [])
        of = [products[lic.product_id] for lic in licenses]
        lic = _license_to_update(job, entry, licenses)
        faults = feature_faults(entry, of) if licenses else unknown_license(entry)
        if faults and lic is None:
            done.invalid.append(InvalidRecord(entry.record, faults))
            continue
        lic = lic or next(lic for lic in licenses if offers(entry, products[lic.product_id]))
        by_license.setdefault(lic.id, (lic, []))[1].append(entry)

    def add(work: tuple[License, list[FeatureEntry]]) -> _Added:
        pool.patience.check()
        added = _add_features(job, work[0].id, work[1], products=products, dry_run=dry_run)
        pool.patience.progressed = True
        return added

    named: list[tuple[FeatureEntry, int]] = []
    ids: list[int] = []
    done.results.note(
        (entry.record.row, lic.id, lic.order_id, lic.customer_id or 0)
        for lic, of in by_license.values()
        for entry in of
    )
    with pool.patience.turns.released(), ThreadPoolExecutor(_THREADS) as executor:
        for added in executor.map(add, by_license.values()):
            done.created_features += len(added.created)
            done.existed_features += added.existed
            done.updated_features += len(added.updated)
            done.results.repeat(added.repeated)
            done.results.created(entry.record.row for entry, _ in added.created)
            done.results.updated(added.updated)
            done.invalid += added.refused
            for record, warnings in added.warnings:
                done.warn(record, warnings)
            ids += [id for _, id in added.created]
            named += added.named
    done.made["named"] = [[each.record.row, id, content_digest(each)] for each, id in named]
    if dry_run:
        done.made["features"] = ids


def _license_to_update(
    job: Import, entry: FeatureEntry, licenses: Iterable[License]
) -> License | None:
    """The license with the feature of a row, which may have been disabled in the product since."""
    if not job.updates:
        return None
    code = entry.request.code
    having = (lic for lic in licenses if any(code == grant.code for grant in lic.product_features))
    return next(having, None)


@dataclass
class _Added:
    """The results of the rows of one license."""

    created: list[tuple[FeatureEntry, int]] = field(default_factory=list)
    named: list[tuple[FeatureEntry, int]] = field(default_factory=list)
    existed: int = 0
    updated: dict[int, Changes | None] = field(default_factory=dict)
    """The rows that updated a feature, with what they changed."""
    repeated: list[int] = field(default_factory=list)
    """The rows that name the feature of another row of the file."""
    refused: list[InvalidRecord] = field(default_factory=list)
    warnings: list[tuple[Record, list[dict[str, Any]]]] = field(default_factory=list)


def _licenses_of_keys(
    job: Import, keys: list[str], products: dict[int, Product]
) -> dict[str, list[License]]:
    """The licenses of each key; for a bundle, its own license and those of its members."""
    lookups = {key: license_lookup(job.company, key) for key in keys}
    find(lookups.values())
    found = {lic.license_key: lic for lic in visible_licenses(job.company, lookups.values())}
    _complete(job, products, found.values())
    held = {key: [found[key]] for key in keys if key in found}
    for key, licenses in held.items():
        codes = products[licenses[0].product_id].bundle_products
        members = [license_lookup(job.company, key, code) for code in codes]
        find(members)
        licenses.extend(visible_licenses(job.company, members))
        _complete(job, products, licenses)
    return held


def _complete(job: Import, products: dict[int, Product], licenses: Iterable[License]) -> None:
    """Add the products of licenses that were created after the job pinned its catalog."""
    missing = {lic.product_id for lic in licenses} - products.keys()
    if missing:
        products |= {p.id: p for p in all_products(job.company) if p.id in missing}


def _add_features(
    job: Import,
    license_id: int,
    entries: list[FeatureEntry],
    *,
    products: dict[int, Product],
    dry_run: bool,
) -> _Added:
    """Add features to one license, and update those that it has."""
    decided: dict[int, Changes] = {}
    # The last attempt of an import that updates refuses what it can't update.
    for attempt in attempts(TRIES + job.updates):
        lic = next(iter(licenses_by_id(job.company, [license_id])), None)
        if lic is None:  # it was deleted meanwhile
            refused = [InvalidRecord(entry.record, unknown_license(entry)) for entry in entries]
            return _Added(refused=refused)
        product = products[lic.product_id]
        last = attempt == TRIES
        added = _Features(job, lic, product, decided, dry_run=dry_run, last=last)
        for entry in entries:
            added.decide(entry)
        if dry_run or not added.writes or added.write():
            return added.results
    raise Busy


class _Features:
    """Decides about the rows of a license, and writes all of its features at once."""

    def __init__(
        self,
        job: Import,
        lic: License,
        product: Product,
        decided: dict[int, Changes],
        *,
        dry_run: bool,
        last: bool,
    ) -> None:
        self.job, self.lic, self.product, self.decided = job, lic, product, decided
        self.dry_run, self.is_last = dry_run, last
        self.grants = {grant.code: grant for grant in lic.product_features}
        self.ids = lic.id, lic.order_id, lic.customer_id or 0
        self.first: dict[str, FeatureEntry] = {}
        self.changes: dict[str, dict[str, Any]] = {}
        self.results = _Added()
        self.writes = False

    def decide(self, entry: FeatureEntry) -> None:
        job, added, code = self.job, self.results, entry.request.code
        if fault := self._refusal(entry):
            self._refuse(entry, [fault])
            return
        maker, grant = job.maker(entry.record.row), self.grants.get(code)
        if grant is None and (entry.record.row in job.repeated or job.is_repeat(entry.record.row)):
            added.repeated.append(entry.record.row)
            added.existed += 1
            return
        if job.updates and grant is not None and grant.made_by != maker:
            self._update(entry, grant, maker)
            return
        id = record_id(job.company, "granted", self.lic.id, code)
        wanted = granted(entry, self.product)
        if grant is None:
            if faults := job.unplanned(entry.record.row, "created", self.ids):
                self._refuse(entry, faults)
                return
            grant = self.grants[code] = wanted.model_copy(update={"made_by": maker})
            self.writes = True
        if self.dry_run or not str(grant.made_by).startswith(job.made):
            added.named.append((entry, id))
        if grant.made_by == maker:
            added.created.append((entry, id))
        elif self._agrees(entry, wanted, grant):
            if str(grant.made_by).startswith(job.made):
                added.repeated.append(entry.record.row)
            self._exists(entry)

    def _refusal(self, entry: FeatureEntry) -> dict[str, Any] | None:
        """The fault of a row whose feature exists or is missing against the import's options."""
        grant = self.grants.get(entry.request.code)
        if grant is None:
            if self.job.on_missing == "refuse":
                return missing_fault(entry)
            if not offers(entry, self.product):
                return feature_faults(entry, [self.product])[0]
        elif self.job.on_existing == "refuse" and not str(grant.made_by).startswith(self.job.made):
            return existing_fault(entry)
        return None

    def _agrees(self, entry: FeatureEntry, wanted: FeatureGrant, grant: FeatureGrant) -> bool:
        """Whether a row is equal to an earlier row of its feature; reports the differences."""
        holder = holder_of(self.job, grant.model_dump())
        if holder.row is not None:
            return _repeats(entry, wanted, holder, self.results)
        earlier = self.first.setdefault(entry.request.code, entry)
        there = granted(earlier, self.product)
        if not _repeats(entry, wanted, Holder(earlier.record.row, dict(there)), self.results):
            return False
        if differences := feature_differences(entry, dict(wanted), holder):
            warnings = existing_warnings("feature", differences)
            self.results.warnings.append((entry.record, warnings))
        return True

    def _update(self, entry: FeatureEntry, grant: FeatureGrant, maker: str) -> None:
        if maker in grant.applied_rows:
            self.results.updated[entry.record.row] = self._noted(entry, grant)
            self.results.existed += 1
            return
        changed = feature_change(entry, grant)
        if changed is None or entry.record.row in self.job.repeated:
            self._exists(entry)
            return
        if self.is_last:
            self._refuse(entry, [fault_of("", "", "changed_meanwhile", CHANGED, None)])
            return
        before, after = (each.model_dump(exclude_defaults=True) for each in (grant, changed))
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        changes = changes_of({name: before.get(name) for name in names}, after)
        if faults := self.job.unplanned_changes(entry.record.row, changes):
            self._refuse(entry, faults)
            return
        try:
            kept = changed_from(self.job.number, {name: before.get(name) for name in names})
        except RowRefused as refused:
            self._refuse(entry, refused.faults)
            return
        rows = tuple(applied(grant.applied_rows, maker))
        self.grants[grant.code] = changed.model_copy(update={"applied_rows": rows})
        self.changes[grant.code] = {"changed_by": maker, "changed_from": kept}
        self.writes = True
        self.decided[entry.record.row] = self.results.updated[entry.record.row] = changes
        self.results.existed += 1

    def _exists(self, entry: FeatureEntry) -> None:
        """Count a row that changes nothing, unless it was planned to."""
        row = entry.record.row
        faults = [] if self.job.is_repeat(row) else self.job.unplanned(row, "unchanged")
        if faults:
            self._refuse(entry, faults)
        else:
            self.results.existed += 1

    def _noted(self, entry: FeatureEntry, grant: FeatureGrant) -> Changes | None:
        """What the row has changed of the feature, in an earlier attempt or run."""
        key = LICENSES, (dynamo.partition(self.job.company, self.lic.id),)
        item = dynamo.get_many([key]).get(key, {})
        stored = {each["code"]: each for each in item.get("product_features", ())}
        maker = self.job.maker(entry.record.row)
        changes = noted_changes(stored.get(grant.code, {}), maker)
        return changes or self.decided.get(entry.record.row)

    def _refuse(self, entry: FeatureEntry, faults: Faults) -> None:
        self.results.refused.append(InvalidRecord(entry.record, faults))

    def write(self) -> bool:
        """Write the features if the license has not changed since it was read.

        Changes of a license are locked by `updated_at`: it must be new, and not go back.
        """
        lic = self.lic
        now = max(self.job.began, lic.updated_at + timedelta(microseconds=1))
        listed = [
            {**grant.model_dump(exclude_defaults=True), **self.changes.get(grant.code, {})}
            for grant in self.grants.values()
        ]
        values = {":after": listed, ":now": now, ":before": lic.updated_at}
        update = {
            "TableName": dynamo.table(LICENSES),
            "Key": dynamo.key_of((dynamo.partition(self.job.company, lic.id),)),
            "UpdateExpression": "SET product_features = :after, updated_at = :now"
            f" REMOVE {WRITER}, changed_by, changed_from",
            "ConditionExpression": "updated_at = :before",
            "ExpressionAttributeValues": dynamo.to_item(values),
        }
        return dynamo.write([{"Update": update}])


def _repeats(entry: FeatureEntry, wanted: FeatureGrant, holder: Holder, added: _Added) -> bool:
    """Whether a row is equal to the row that added the feature; reports a fault otherwise."""
    differences = feature_differences(entry, dict(wanted), holder)
    if differences and holder.row is not None:
        fault = repeated_fault(entry, holder.row, differences)
        added.refused.append(InvalidRecord(entry.record, [fault]))
    return not differences
