"""Events: what happened to orders, licenses, customers and imports, for subscribers and the log.

An event is made from the change of one stored item, as the table's stream reports it. The same
change always makes the same event, so a change that is delivered twice has one id. Events have ids,
counts and URLs only: subscribers can be anyone, so no license key, e-mail or name is in an event.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args

from pydantic import BaseModel, Field

from shared.access import S3, SWEEPER, WRITER
from shared.import_job import ENDED, Kind
from shared.orders import FIRST_PART
from shared.values import Company

type EventType = Literal[
    "import.started",
    "import.succeeded",
    "import.completed_with_errors",
    "import.failed",
    "import.rejected",
    "import.cancelled",
    "import.undone",
    "order.created",
    "order.appended",
    "order.deleted",
    "license.updated",
    "license.deleted",
    "customer.created",
    "customer.updated",
]
TYPES: tuple[EventType, ...] = get_args(EventType.__value__)
KEPT_DAYS = 90
"""Days for which the log has an event."""
_BEGUN = ("validating", "running")
_APPEND = "append#"
_JOB = "job#"
_CUSTOMER = "customer#"


class Actor(BaseModel, frozen=True):
    """Who caused an event: an API key, a file that was put into the bucket, or the sweeper."""

    kind: Literal["api_key", "s3", "sweeper"]
    prefix: str | None = Field(None, description="The public part of the API key.")
    name: str | None = Field(None, description="The name of the API key.")


class ImportData(BaseModel, frozen=True):
    """An import. `attempt` grows when it is retried; `counts` are those of the end.

    An undo is an import too, which `undoes` another one, and ends with `import.undone`.
    """

    import_id: int
    kind: Kind
    attempt: int
    counts: dict[str, int]
    undoes: int | None = Field(None, description="The import that this one undoes.")
    url: str


class OrderData(BaseModel, frozen=True):
    """An order that was created, or licenses that were appended to one."""

    order_id: int
    customer_id: int | None
    licenses: int = Field(description="Number of licenses that were created or appended.")
    url: str


class DeletedOrderData(BaseModel, frozen=True):
    """An order that was deleted."""

    order_id: int
    customer_id: int | None


class DeletedLicenseData(BaseModel, frozen=True):
    """A license that was deleted."""

    license_id: int
    order_id: int
    product_id: int
    customer_id: int | None


class LicenseData(DeletedLicenseData, frozen=True):
    """A license that was changed."""

    url: str


class CustomerData(BaseModel, frozen=True):
    """A customer that was created or changed."""

    customer_id: int
    url: str


DATA: Mapping[EventType, type[BaseModel]] = {
    **dict.fromkeys((name for name in TYPES if name.startswith("import.")), ImportData),
    "order.created": OrderData,
    "order.appended": OrderData,
    "order.deleted": DeletedOrderData,
    "license.updated": LicenseData,
    "license.deleted": DeletedLicenseData,
    "customer.created": CustomerData,
    "customer.updated": CustomerData,
}
"""The model of the `data` of each type."""


class Event(BaseModel, frozen=True):
    """Something that happened. Deliveries of the same event have the same `id`."""

    id: str
    type: EventType
    time: datetime
    company: Company
    actor: Actor
    data: dict[str, Any] = Field(description="Depends on `type`: see docs/events.md.")


class Change(NamedTuple):
    """The change of an item: its key, its attributes before and after, and when it was written.

    `before` is None for a new item, and `after` for a removed one. `at` has a precision of seconds.
    The changes of an item have ascending numbers `sequence`, of up to 40 digits.
    """

    pk: str
    sk: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    at: datetime
    sequence: str = "0"


def event_of(change: Change, *, base_url: str) -> Event | None:
    """The event of a change, without the name of its API key; None if the change has no type.

    `base_url` has no trailing slash. A record without WRITER was written by an import. A removed
    item has no event: the records of a pending order are removed when it is rolled back, and
    deleted records leave a tombstone with `deleted_at`.
    """
    if change.after is None:
        return None
    root = f"{base_url}/api/v1"
    before = change.before or {}
    if change.sk.startswith(_JOB):
        return _of_import(before, change.after, root)
    if WRITER not in change.after:
        return None
    if "deleted_at" in change.after:
        return _of_deletion(change, before)
    if change.sk == FIRST_PART or change.sk.startswith(_APPEND):
        return _of_order(change, root)
    if change.sk.startswith(_CUSTOMER):
        return _of_customer(change, before, root)
    if not change.sk:
        return _of_license(change, before, root)
    return None


def _of_import(before: Mapping[str, Any], job: Mapping[str, Any], root: str) -> Event | None:
    """The event of a job that begins or ends; heartbeats and counts change no state."""
    was, state = before.get("state"), job["state"]
    if job.get("dry_run") or not was or was == state:
        return None
    if state in _BEGUN and was not in _BEGUN:
        kind, moment = "started", job["started_at"]
    elif state in ENDED and was not in ENDED:
        kind, moment = state, job["finished_at"]
        if state == "succeeded" and job.get("undoes"):
            kind = "undone"
    else:
        return None
    company, number, attempt = job["company"], job["number"], job.get("attempts", 1)
    data = ImportData(
        import_id=number,
        kind=job["kind"],
        attempt=attempt,
        counts={} if kind == "started" else dict(job.get("counts", {})),
        undoes=job.get("undoes"),
        url=f"{root}/imports/{number}/",
    )
    writer = job.get(WRITER) or job.get("requested_by", S3)
    return _event(f"import.{kind}", company, moment, writer, data, number, attempt)


def _of_deletion(change: Change, before: Mapping[str, Any]) -> Event | None:
    """The event of a tombstone in place of a record; the order's own row stands for its rows."""
    after, company = change.after or {}, _company(change)
    if not before or "deleted_at" in before or "id" not in before:
        return None
    writer, moment, id = after[WRITER], after["deleted_at"], before["id"]
    if change.sk == FIRST_PART:
        order = DeletedOrderData(order_id=id, customer_id=before.get("customer_id"))
        return _event("order.deleted", company, moment, writer, order, id)
    if not change.sk:
        gone = DeletedLicenseData(license_id=id, **_of(before))
        return _event("license.deleted", company, moment, writer, gone, id)
    return None


def _of_order(change: Change, root: str) -> Event | None:
    """The event of a new row: the order's own one commits the order, pending or not."""
    row = change.after or {}
    if change.before is not None:
        return None
    licenses = sum(len(item["license_ids"]) for item in row.get("items", ()))
    data = OrderData(
        order_id=row["id"],
        customer_id=row.get("customer_id"),
        licenses=licenses,
        url=f"{root}/orders/{row['id']}/",
    )
    name = "order.created" if change.sk == FIRST_PART else "order.appended"
    return _event(name, _company(change), change.at, row[WRITER], data, row["id"], change.sk)


def _of_license(change: Change, before: Mapping[str, Any], root: str) -> Event | None:
    """The event of a changed license; the event of its order stands for a new one."""
    lic = change.after or {}
    if not before or before.get("updated_at") == lic["updated_at"]:
        return None
    data = LicenseData(license_id=lic["id"], url=f"{root}/licenses/{lic['id']}/", **_of(lic))
    moment = lic["updated_at"]
    return _event("license.updated", _company(change), moment, lic[WRITER], data, lic["id"], moment)


def _of_customer(change: Change, before: Mapping[str, Any], root: str) -> Event | None:
    customer = change.after or {}
    id, moment = customer["id"], customer["updated_at"]
    if before.get("updated_at") == moment:
        return None
    data = CustomerData(customer_id=id, url=f"{root}/customers/{id}/")
    name = "customer.updated" if before else "customer.created"
    return _event(name, _company(change), moment, customer[WRITER], data, id, moment)


def _of(lic: Mapping[str, Any]) -> dict[str, Any]:
    return {name: lic.get(name) for name in ("order_id", "product_id", "customer_id")}


def _company(change: Change) -> str:
    return change.pk.partition("#")[0]


def _event(
    name: str, company: str, at: datetime | str, writer: str, data: BaseModel, *identity: object
) -> Event:
    """An event whose id is a digest of what identifies the change."""
    parts = "\n".join(map(str, (name, company, *identity)))
    return Event.model_validate(
        {
            "id": hashlib.sha256(parts.encode()).hexdigest()[:32],
            "type": name,
            "time": at,
            "company": company,
            "actor": _actor(writer),
            "data": data.model_dump(mode="json"),
        }
    )


def _actor(writer: str) -> Actor:
    if writer == S3:
        return Actor(kind="s3")
    if writer == SWEEPER:
        return Actor(kind="sweeper")
    return Actor(kind="api_key", prefix=writer)
