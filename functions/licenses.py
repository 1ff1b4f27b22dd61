"""HTTP API: read and change licenses. `functions.records` serves these routes."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from pydantic import BaseModel

from functions.exports import selection_export
from functions.license_lists import LicenseQuery, SomeIds, license_page
from functions.license_lists import license_views as license_views_of
from functions.order_answers import read_related
from functions.web.api import Answer, Api, Caller, Page
from shared.catalog import Product
from shared.contract.records import LicenseView, license_view
from shared.errors import NotFound, Path
from shared.license_changes import (
    BulkIds,
    BulkUpdate,
    LicensePatch,
    PolicyRequest,
    apply_policy,
    change_features,
    change_license,
)
from shared.license_features import FeaturesRequest
from shared.licenses import License
from shared.store.dynamo import ITEM_BYTES
from shared.workflows.change_licenses import change_licenses
from shared.workflows.delete_licenses import delete_licenses

routes = Api("Records")

_SWITCHED_BYTES = ITEM_BYTES + 1000
"""Even the largest license can be disabled: DynamoDB's limit is 409,600 bytes."""
_OF_FEATURES = (
    "license_not_found",
    "unsupported_product_feature",
    "feature_repeated",
    "record_too_large",
    "changed_meanwhile",
)
_OF_CHANGES = (
    *_OF_FEATURES,
    "immutable",
    "term_conflict",
    "alias_conflict",
    "duration_required",
    "consumption_only",
    "too_many_floating_users",
)


class SelectionQuery(BaseModel, frozen=True, extra="forbid"):
    """The licenses to export."""

    id__in: SomeIds


@routes.get(
    "/api/v1/licenses/",
    scope="records:read",
    refusals=("alias_conflict", "filters_conflict", "invalid_range"),
)
def list_licenses(caller: Caller, query: LicenseQuery) -> Page[LicenseView]:
    """List licenses, newest first unless `order_by` is `created_at`.

    The licenses of one order are always in the order of issue. `import_id` and `status` can't be
    combined with other filters, times and `source` only with a product, and end dates
    (`validity_period__gte`, `validity_period__lt`) only with each other. Licenses with end dates in
    a range, or of a status, are listed by their end, soonest first, and an import's in its rows'
    order; a changed end or status is listed some seconds later.
    """
    return license_page(caller, query)


@routes.get(
    "/api/v1/licenses/export/",
    scope="records:read",
    content_type="text/csv; charset=utf-8",
    refusals=("export_too_large",),
)
def export_licenses(caller: Caller, query: SelectionQuery) -> Answer[str]:
    """Export up to 100 licenses as CSV.

    The columns are those of the license import. Licenses that a file can't name, because they
    have neither a key nor users, and ids without a license are left out and counted in
    `X-Licenses-Left-Out`.
    """
    return selection_export(caller, [int(id) for id in query.id__in.split(",")])


@routes.get("/api/v1/licenses/<id>/", scope="records:read", refusals=("license_not_found",))
def show_license(caller: Caller, id: int) -> LicenseView:
    """Get a license."""
    return _license_view(caller, id)


@routes.post("/api/v1/licenses/<id>/enable/", scope="orders:write", refusals=("license_not_found",))
def enable_license(caller: Caller, id: int) -> LicenseView:
    """Enable a license."""
    return _set_enabled(caller, id, enabled=True)


@routes.post(
    "/api/v1/licenses/<id>/disable/", scope="orders:write", refusals=("license_not_found",)
)
def disable_license(caller: Caller, id: int) -> LicenseView:
    """Disable a license.

    The license is kept and can be enabled again.
    """
    return _set_enabled(caller, id, enabled=False)


@routes.patch("/api/v1/licenses/<id>/", scope="orders:write", refusals=_OF_CHANGES)
def patch_license(caller: Caller, id: int, request: LicensePatch) -> LicenseView:
    """Update a license.

    Absent fields keep their values, and null clears a field that can have no value. The license
    must be valid by the rules of an order. `valid_duration` and `validity_period` replace each
    other. Key, type, product and order can't be changed. With the `updated_at` that was read, a
    license that was changed meanwhile is not overwritten.
    """
    change = partial(_patched, request, ())
    of_catalog = request.product_features is not None
    changed = change_licenses(caller.company, [id], [change], of_catalog=of_catalog)
    return _views(caller, changed)[0]


@routes.delete(
    "/api/v1/licenses/<id>/",
    scope="orders:write",
    refusals=("license_not_found", "import_running", "bundle_has_members"),
)
def delete_license(caller: Caller, id: int) -> None:
    """Delete a license permanently.

    The license is removed from its order and from all lists, and its users are unassigned. Its key
    is free: an order or an import can use it again. The license of a bundle can be deleted after
    those of its members. To keep the license, disable it instead.
    """
    delete_licenses(caller.company, [id])


@routes.patch(
    "/api/v1/licenses/bulk_update/",
    scope="orders:write",
    refusals=(*_OF_CHANGES, "license_repeated"),
)
def bulk_update_licenses(caller: Caller, request: BulkUpdate) -> list[LicenseView]:
    """Update up to 100 licenses, all or none.

    Each entry has the `id` of a license and the fields to set, as in an update of one license.
    """
    patches = request.root
    changed = change_licenses(
        caller.company,
        [patch.id for patch in patches],
        [partial(_patched, patch, (at,)) for at, patch in enumerate(patches)],
        paths=[(at, "id") for at in range(len(patches))],
        of_catalog=any(patch.product_features is not None for patch in patches),
    )
    return _views(caller, changed)


@routes.post(
    "/api/v1/licenses/disable_bulk/",
    scope="orders:write",
    refusals=("license_not_found", "license_repeated", "record_too_large"),
)
def disable_licenses(caller: Caller, request: BulkIds) -> list[LicenseView]:
    """Disable up to 100 licenses, all or none.

    The licenses are kept and can be enabled again.
    """
    disable = partial(_patched, LicensePatch(enabled=False), ())
    changed = change_licenses(
        caller.company,
        request.ids,
        [disable] * len(request.ids),
        paths=[(*request.path, at) for at in range(len(request.ids))],
        most_bytes=_SWITCHED_BYTES,
    )
    return _views(caller, changed)


@routes.post(
    "/api/v1/licenses/<id>/apply_policy/",
    scope="orders:write",
    refusals=(*_OF_CHANGES, "unknown_policy"),
)
def apply_policy_to_license(caller: Caller, id: int, request: PolicyRequest) -> LicenseView:
    """Apply a policy to a license.

    The license gets the policy's terms and features, except those that the request names. Its type,
    key, order and users stay.
    """

    def change(lic: License, product: Product, now: datetime) -> License:
        return apply_policy(lic, request, product, now=now)

    return _views(caller, change_licenses(caller.company, [id], [change], of_catalog=True))[0]


@routes.post(
    "/api/v1/licenses/<id>/update_features/",
    scope="orders:write",
    refusals=_OF_FEATURES,
)
def update_license_features(caller: Caller, id: int, request: FeaturesRequest) -> LicenseView:
    """Replace the features of a license.

    Features in the list are added, or updated if the license has them; then absent fields keep
    their values. Features that are not in the list are removed. With the `updated_at` that was
    read, a license that was changed meanwhile is not overwritten.
    """

    def change(lic: License, product: Product, now: datetime) -> License:
        return change_features(lic, request, product, now=now)

    return _views(caller, change_licenses(caller.company, [id], [change], of_catalog=True))[0]


def _patched(
    patch: LicensePatch, path: Path, lic: License, product: Product, now: datetime
) -> License:
    return change_license(lic, patch, product, now=now, path=path)


def _views(caller: Caller, licenses: Sequence[License]) -> list[LicenseView]:
    related = read_related(caller, licenses, [])
    return [license_view(each, related) for each in licenses]


def _license_view(caller: Caller, id: int) -> LicenseView:
    (view,) = license_views_of(caller, [id])
    if view is None:
        raise NotFound(f"There is no license {id}", "license_not_found")
    return view


def _set_enabled(caller: Caller, id: int, *, enabled: bool) -> LicenseView:
    change = partial(_patched, LicensePatch(enabled=enabled), ())
    changed = change_licenses(caller.company, [id], [change], most_bytes=_SWITCHED_BYTES)
    return _views(caller, changed)[0]
