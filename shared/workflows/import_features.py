"""Import rows of license features: each license gets all of its rows in one write."""

from collections.abc import Iterable, Sequence
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
    existing_warnings,
    feature_differences,
    repeated_fault,
)
from shared.errors import Busy
from shared.licenses import License
from shared.row_entries import (
    FeatureEntry,
    Import,
    InvalidRecord,
    feature_faults,
    granted,
    offers,
    unknown_license,
)
from shared.store import bulk, dynamo
from shared.store.catalog import all_products
from shared.store.licenses import TABLE as LICENSES
from shared.store.licenses import licenses_by_id
from shared.store.retry import attempts
from shared.values import record_id
from shared.workflows.batch import Batch, holder_of

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
    by_license: dict[int, list[FeatureEntry]] = {}
    for entry in entries:
        licenses = held.get(entry.key, [])
        of = [products[lic.product_id] for lic in licenses]
        faults = feature_faults(entry, of) if licenses else unknown_license(entry)
        if faults:
            done.invalid.append(InvalidRecord(entry.record, faults))
            continue
        lic = next(lic for lic in licenses if offers(entry, products[lic.product_id]))
        by_license.setdefault(lic.id, []).append(entry)

    def add(work: tuple[int, list[FeatureEntry]]) -> _Added:
        pool.patience.check()
        added = _add_features(job, *work, products=products, dry_run=dry_run)
        pool.patience.progressed = True
        return added

    named: list[tuple[FeatureEntry, int]] = []
    ids: list[int] = []
    with pool.patience.turns.released(), ThreadPoolExecutor(_THREADS) as executor:
        for added in executor.map(add, by_license.items()):
            done.created_features += len(added.created)
            done.existed_features += added.existed
            done.invalid += added.refused
            for record, warnings in added.warnings:
                done.warn(record, warnings)
            ids += [id for _, id in added.created]
            named += added.named
    done.made["named"] = [[each.record.row, id, content_digest(each)] for each, id in named]
    if dry_run:
        done.made["features"] = ids


@dataclass
class _Added:
    """The results of the rows of one license."""

    created: list[tuple[FeatureEntry, int]] = field(default_factory=list)
    named: list[tuple[FeatureEntry, int]] = field(default_factory=list)
    existed: int = 0
    refused: list[InvalidRecord] = field(default_factory=list)
    warnings: list[tuple[Record, list[dict[str, Any]]]] = field(default_factory=list)


def _licenses_of_keys(
    job: Import, keys: list[str], products: dict[int, Product]
) -> dict[str, list[License]]:
    """The licenses of each key; for a bundle, its own license and those of its members."""
    ids = {key: record_id(job.company, "license", key) for key in keys}
    found = {lic.id: lic for lic in licenses_by_id(job.company, ids.values())}
    _complete(job, products, found.values())
    held = {
        key: [found[id]] for key, id in ids.items() if id in found and found[id].license_key == key
    }
    for key, licenses in held.items():
        members = licenses_by_id(job.company, _member_ids(job, key, licenses[0], products))
        _complete(job, products, members)
        licenses.extend(members)
    return held


def _complete(job: Import, products: dict[int, Product], licenses: Iterable[License]) -> None:
    """Add the products of licenses that were created after the job pinned its catalog."""
    missing = {lic.product_id for lic in licenses} - products.keys()
    if missing:
        products |= {p.id: p for p in all_products(job.company) if p.id in missing}


def _member_ids(job: Import, key: str, bundle: License, products: dict[int, Product]) -> list[int]:
    codes = products[bundle.product_id].bundle_products
    return [record_id(job.company, "license", key, code) for code in codes]


def _add_features(
    job: Import,
    license_id: int,
    entries: list[FeatureEntry],
    *,
    products: dict[int, Product],
    dry_run: bool,
) -> _Added:
    """Add features to one license."""
    for _ in attempts():
        (lic,) = licenses_by_id(job.company, [license_id])
        grants = {grant.code: grant for grant in lic.product_features}
        added, new = _Added(), []
        first: dict[str, FeatureEntry] = {}
        for entry in entries:
            code, maker = entry.request.code, job.maker(entry.record.row)
            wanted = granted(entry, products[lic.product_id])
            id = record_id(job.company, "granted", license_id, code)
            if code not in grants:
                grants[code] = wanted.model_copy(update={"made_by": maker})
                new.append(grants[code])
            if dry_run or not str(grants[code].made_by).startswith(job.made):
                added.named.append((entry, id))
            if grants[code].made_by == maker:
                added.created.append((entry, id))
                continue
            holder = holder_of(job, grants[code].model_dump())
            if holder.row is None:
                earlier = first.setdefault(code, entry)
                there = granted(earlier, products[lic.product_id])
                repeated = Holder(earlier.record.row, dict(there))
                if not _repeats(entry, wanted, repeated, added):
                    continue
                if differences := feature_differences(entry, dict(wanted), holder):
                    added.warnings.append((entry.record, existing_warnings("feature", differences)))
            elif not _repeats(entry, wanted, holder, added):
                continue
            added.existed += 1
        if dry_run or not new or _put_features(job, lic, [*lic.product_features, *new]):
            return added
    raise Busy


def _repeats(entry: FeatureEntry, wanted: FeatureGrant, holder: Holder, added: _Added) -> bool:
    """Whether a row is equal to the row that added the feature; reports a fault otherwise."""
    differences = feature_differences(entry, dict(wanted), holder)
    if differences and holder.row is not None:
        fault = repeated_fault(entry, holder.row, differences)
        added.refused.append(InvalidRecord(entry.record, [fault]))
    return not differences


def _put_features(job: Import, lic: License, grants: Sequence[FeatureGrant]) -> bool:
    """Write a license's features if it has not changed since it was read.

    Changes of a license are locked by `updated_at`: it must be new, and not go back.
    """
    now = max(job.began, lic.updated_at + timedelta(microseconds=1))
    listed = [grant.model_dump(exclude_defaults=True) for grant in grants]
    values = {":after": listed, ":now": now, ":before": lic.updated_at}
    update = {
        "TableName": dynamo.table(LICENSES),
        "Key": dynamo.key_of((dynamo.partition(job.company, lic.id),)),
        "UpdateExpression": f"SET product_features = :after, updated_at = :now REMOVE {WRITER}",
        "ConditionExpression": "updated_at = :before",
        "ExpressionAttributeValues": dynamo.to_item(values),
    }
    return dynamo.write([{"Update": update}])
