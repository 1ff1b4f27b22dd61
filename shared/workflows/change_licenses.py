"""Change licenses under an optimistic lock: all of them, or none."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from shared.catalog import Product
from shared.errors import Busy, Conflict, Fault, NotFound, Path, Refused, refuse
from shared.licenses import License
from shared.store import dynamo
from shared.store.catalog import products_by_id, unchanged
from shared.store.licenses import license_changes, licenses_by_id
from shared.store.retry import contended
from shared.workflows.pending_orders import BYTES

TRIES = 5

type Decide = Callable[[License, Product, datetime], License]


def change_licenses(
    company: str,
    ids: Sequence[int],
    changes: Sequence[Decide],
    *,
    paths: Sequence[Path] = (),
    of_catalog: bool = False,
    most_bytes: int = dynamo.ITEM_BYTES,
) -> list[License]:
    """Change the licenses with these ids, each by its own decision, in one transaction.

    `paths` are the places of the ids in the body, for faults. With `of_catalog` the products must
    not change meanwhile either. `most_bytes` is the size of the largest license. Nothing is written
    if nothing differs, so that a repeated change succeeds. If a license was changed meanwhile, all
    are read and decided again. Raises Refused with all faults, NotFound, Conflict if one was
    changed after the client read it, or Busy after five tries.
    """
    _refuse_repeated(ids, paths)
    for _ in contended(TRIES):
        before = _read(company, ids, paths)
        products = products_by_id(company, {lic.product_id for lic in before})
        after = _decided(before, products, changes)
        pairs = [(new, old) for new, old in zip(after, before, strict=True) if new is not old]
        writes = license_changes(company, pairs)
        refuse_too_large(writes, most_bytes)
        if of_catalog:
            writes += [unchanged(company, product) for product in products.values()]
        if not pairs or dynamo.write(writes):
            return after
    raise Busy


def _refuse_repeated(ids: Sequence[int], paths: Sequence[Path]) -> None:
    refuse(
        [
            Fault.at(paths[at], "license_repeated", "this license is named more than once", id)
            for at, id in enumerate(ids)
            if id in ids[:at]
        ]
    )


def _read(company: str, ids: Sequence[int], paths: Sequence[Path]) -> list[License]:
    found = {lic.id: lic for lic in licenses_by_id(company, ids)}
    missing = [at for at, id in enumerate(ids) if id not in found]
    if missing:
        message = f"There is no license {ids[missing[0]]}"
        faults = [
            Fault.at(paths[at], "license_not_found", f"There is no license {ids[at]}", ids[at])
            for at in missing
            if paths
        ]
        raise NotFound(message, "license_not_found", faults=faults)
    return [found[id] for id in ids]


def _decided(
    before: Sequence[License], products: dict[int, Product], changes: Sequence[Decide]
) -> list[License]:
    now = datetime.now(UTC)
    after: list[License] = []
    faults: list[Fault] = []
    conflicts: list[Conflict] = []
    for lic, change in zip(before, changes, strict=True):
        try:
            after.append(change(lic, products[lic.product_id], now))
        except Conflict as conflict:
            conflicts.append(conflict)
        except Refused as refused:
            faults += refused.faults
    refuse(faults)
    if conflicts:
        named = [fault for conflict in conflicts for fault in conflict.faults]
        raise Conflict(conflicts[0].code, conflicts[0].message, faults=named)
    return after


def refuse_too_large(
    writes: Sequence[dict[str, object]], most_bytes: int = dynamo.ITEM_BYTES
) -> None:
    """Refuse licenses that exceed the size of a record, or that of a transaction together."""
    sizes = [dynamo.size_of(write) for write in writes]
    if max(sizes, default=0) > most_bytes:
        raise Refused(
            "record_too_large",
            "A license would be more than 390 KB: shorten its metadata or its features, or "
            "unassign users",
        )
    if sum(sizes) > BYTES:
        raise Refused(
            "record_too_large",
            "These licenses are more than 3.5 MB together: change fewer at once",
        )
