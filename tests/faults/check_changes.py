"""Check the promises about changed licenses of docs/reliability.md after faults have stopped."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tests.faults.check_lists import check_lists
from tests.faults.check_orders import stored
from tests.faults.history import IMPORTS, rows_of

if TYPE_CHECKING:
    from tests.faults.changes import Changers


def check_changes(run: "Changers") -> list[str]:
    """Return the violations of O13, and of the promises about orders and lists."""
    found = list(run.watch.violations)
    company = run.shop.company
    views = {lic["id"]: _view(run, lic["id"]) for lic in run.licenses}
    found += _lost(run, views)
    found += _half(run, views)
    found += _features(run, views)
    found += stored(run.world, company, unfinished=set())
    found += check_lists(run.world, company)
    found += run.updates.check()
    return found


def _view(run: "Changers", id: int) -> dict[str, Any]:
    read = run.world.alone("auditor", lambda: run.shop.get(f"/licenses/{id}/")).result
    view: dict[str, Any] = read.json()
    return view


def _lost(run: "Changers", views: dict[int, dict[str, Any]]) -> Iterator[str]:
    """O13: every attribute has the last acknowledged value, or a later unanswered one."""
    for written in run.written:
        for id in written.licenses:
            if views[id].get(written.name) not in written.possible:
                is_not = f"is {views[id].get(written.name)!r}, not one of {written.possible}"
                yield f"O13 {written.name} of license {id} {is_not}"
    for email, written in run.assigned.items():
        (id,) = written.licenses
        emails = {ref["true_email"] for ref in views[id]["license_users"]}
        if (email in emails) not in written.possible:
            yield f"O13 {email} is {'' if email in emails else 'not '}assigned: {written.values}"


def _half(run: "Changers", views: dict[int, dict[str, Any]]) -> Iterator[str]:
    """O13: several licenses of one request are changed all or none."""
    for written in run.written:
        values = {str(views[id].get(written.name)) for id in written.licenses}
        if len(values) > 1:
            yield f"O13 {written.name} of one request differs between its licenses: {values}"


def _features(run: "Changers", views: dict[int, dict[str, Any]]) -> Iterator[str]:
    """O13: an import's features are on the licenses, unless a policy has replaced them."""
    jobs = rows_of(run.world, IMPORTS, run.shop.company)
    if not any(
        job.get("kind", {}).get("S") == "license-features" and job["state"]["S"] == "succeeded"
        for job in jobs
        if job["sk"]["S"].startswith("job#") and int(job["number"]["N"]) not in run.updates.files
    ):
        return
    by_policy = [each for each in run.written if each.name == "max_activations"]
    replaced = {id for each in by_policy for id in each.licenses}
    for lic in (lic for lic in run.licenses[:2] if lic["id"] not in replaced):
        grants = views[lic["id"]]["product_features"]
        codes = {grant["product_feature"]["code"] for grant in grants}
        if not {"f1", "f2"} <= codes:
            yield f"O13 license {lic['id']} has the features {sorted(codes)}, after their import"
