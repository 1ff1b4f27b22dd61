"""Delete licenses: all of them or none, together with their entries in orders and lists."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from shared.errors import Busy, Conflict, NotFound
from shared.licenses import License
from shared.store import dynamo
from shared.store.catalog import products_by_id
from shared.store.licenses import TABLE, committed_rows, license_deletes, members_of
from shared.store.removals import Entries, import_of
from shared.store.retry import contended
from shared.store.tombstones import is_deleted
from shared.workflows.imports_at_rest import require_rest

MOST_DELETED = 16
"""Licenses that fit into one transaction, wherever they are listed: see `delete_licenses`."""
_TRIES = 12


def delete_licenses(company: str, ids: Sequence[int]) -> None:
    """Delete up to MOST_DELETED licenses permanently, in one transaction; their keys are free.

    A license has up to four entries in orders and lists, so that 16 licenses and their imports have
    at most 100 operations. Raises NotFound, Conflict for a license whose import can still write,
    or whose bundle needs it, or Busy.
    """
    token = secrets.token_hex(16)
    for _ in contended(_TRIES):
        licenses = _read(company, ids, token)
        if licenses is None:
            return
        jobs = {import_of(lic.made_by): lic.id for lic in licenses if lic.made_by}
        at_rest = [require_rest(company, job, f"license {id}") for job, id in jobs.items()]
        entries = Entries(company, datetime.now(UTC))
        if not entries.read(licenses):
            continue  # it was deleted meanwhile
        _refuse_bundles(company, licenses, entries)
        writes = [
            *license_deletes(company, licenses, token=token, now=entries.now),
            *entries.writes(),
            *at_rest,
        ]
        if dynamo.write(writes):
            return
    raise Busy


def _read(company: str, ids: Sequence[int], token: str) -> list[License] | None:
    """The licenses; None if an attempt of this request has deleted them. Raises NotFound."""
    keys = {id: (TABLE, (dynamo.partition(company, id),)) for id in ids}
    found = dynamo.get_many(keys.values())
    items: list[dict[str, Any]] = [found.get(keys[id], {}) for id in ids]
    if all(item.get("deleted_by") == token for item in items):
        return None
    visible = committed_rows(company, (item.get("unsettled") for item in items))
    for id, item in zip(ids, items, strict=True):
        if not item or is_deleted(item) or item.get("unsettled") not in visible:
            raise NotFound(f"There is no license {id}", "license_not_found")
    return [License.model_validate(item) for item in items]


def _refuse_bundles(company: str, licenses: Sequence[License], entries: Entries) -> None:
    """Refuse the license of a bundle that members refer to; they are deleted first, or with it."""
    products = products_by_id(company, {lic.product_id for lic in licenses})
    for lic in licenses:
        if lic.product_id not in products or not products[lic.product_id].is_bundle:
            continue
        members = members_of(company, lic.id, entries.issued_after(lic))
        if left := members - {each.id for each in licenses}:
            listed = ", ".join(map(str, sorted(left)))
            message = (
                f"License {lic.id} is of a bundle, and licenses of its members have the same key or"
                f" users: delete {listed} first"
            )
            raise Conflict("bundle_has_members", message)
