"""HTTP API: read, enable and disable licenses. `functions.records` serves these routes."""

from datetime import UTC, datetime

from functions.license_lists import LicenseQuery, license_page, license_views
from functions.web.api import Api, Caller, Page
from shared.contract.records import LicenseView
from shared.errors import NotFound
from shared.store.licenses import enable_license as write_enabled

routes = Api("Records")


@routes.get("/api/v1/licenses/", scope="records:read", refusals=("alias_conflict",))
def list_licenses(caller: Caller, query: LicenseQuery) -> Page[LicenseView]:
    """List licenses, newest first unless `order_by` is `created_at`.

    The licenses of one order are always in the order of issue.
    """
    return license_page(caller, query)


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


def _license_view(caller: Caller, id: int) -> LicenseView:
    (view,) = license_views(caller, [id])
    if view is None:
        raise NotFound(f"There is no license {id}", "license_not_found")
    return view


def _set_enabled(caller: Caller, id: int, *, enabled: bool) -> LicenseView:
    view = _license_view(caller, id)
    if view.enabled == enabled:
        return view
    write_enabled(caller.company, id, enabled=enabled, now=datetime.now(UTC))
    return _license_view(caller, id)
