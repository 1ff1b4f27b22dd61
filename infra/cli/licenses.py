"""`keywright licenses`: list, show, change and delete licenses."""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rich.markup import escape

from infra.cli.customers import customer_name
from infra.cli.deletion import add_delete, delete_record
from infra.cli.stages import add_group, add_subcommand, format_time, open_client
from infra.cli.tables import add_limit, add_order, paging_of, print_fields, print_records
from infra.client.client import Client
from infra.client.connection import ApiProblem
from shared.contract.records import LicenseView
from shared.errors import NotFound, Refused

_TEXTS = ("note", "subscription_id")
"""Fields whose values are texts even if they look like numbers."""


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    licenses = add_group(commands, "licenses", about="list, show, change and delete licenses")
    listed = add_subcommand(licenses, "list", _list, "list licenses")
    for name, about in (
        ("--customer", "only licenses of the customer with this e-mail"),
        ("--order", "only licenses of the order with this id of the shop"),
        ("--product", "only licenses of the product with this short code"),
    ):
        listed.add_argument(name, help=about)
    add_limit(listed, "licenses")
    add_order(listed)

    for name, about in (
        ("show", "show a license"),
        ("disable", "disable a license; it can be enabled again"),
        ("enable", "enable a license"),
        ("change", "change fields of a license, such as max_activations=7"),
    ):
        subcommand = add_subcommand(licenses, name, _run_one, about)
        subcommand.add_argument("license", help="license key, or license id")
        if name == "change":
            subcommand.add_argument(
                "fields",
                nargs="+",
                metavar="FIELD=VALUE",
                help="a field of the API and its new value; null clears it",
            )
        subcommand.set_defaults(subcommand=name)
    about = "delete a license permanently; its key can be used again"
    add_delete(licenses, _delete, "license", about, "license key, or license id")


def find_license(client: Client, named: str) -> LicenseView:
    """Return a license by its id or its key. Raises NotFound, or Refused for a bundle's key."""
    if named.isdecimal():
        try:
            return client.licenses.show(int(named))
        except ApiProblem as problem:
            if problem.status != NotFound.status:
                raise
    found = [*client.licenses.list(license_key=named)]
    if len(found) > 1:
        ids = ", ".join(f"{each.id} ({each.product.short_code})" for each in found)
        raise Refused(
            "alias_conflict", f"{named} is the key of a bundle; name a license by id: {ids}"
        )
    if not found:
        raise NotFound(f"There is no license {named}.")
    return found[0]


def validity_of(view: LicenseView) -> str:
    """Return when a license ends, in words."""
    if view.validity_period:
        return f"until {view.validity_period}"
    if view.license_type in ("time-limited", "subscription") and view.valid_duration:
        return f"{view.valid_duration} from activation"
    return "never expires"


def holder_of(view: LicenseView) -> str:
    """Return what identifies a license: its key, or its users."""
    return view.license_key or ", ".join(user.email for user in view.license_users)


def holder_in_brief(view: LicenseView) -> str:
    """Return the key of a license, or its first user and the number of the others."""
    users = view.license_users
    more = f" +{len(users) - 1}" if len(users) > 1 else ""
    return view.license_key or (f"{users[0].email}{more}" if users else str(view.id))


def _list(options: argparse.Namespace) -> None:
    query = {
        "customer_email": options.customer,
        "order_store_id": options.order,
        "product": options.product,
    }
    with open_client(options.stage) as client:
        print_records(
            client.licenses.list(**query, **paging_of(options)),
            _COLUMNS,
            options,
            what="licenses",
            droppable=("Order", "Type", "Product"),
            folded=("Customer",),
        )


def _delete(options: argparse.Namespace) -> None:
    with open_client(options.stage) as client:
        view = find_license(client, options.license)
        name = view.license_key or str(view.id)
        delete_record(options, "license", name, view.id, client.licenses.delete)


def _run_one(options: argparse.Namespace) -> None:
    with open_client(options.stage) as client:
        view = find_license(client, options.license)
        match options.subcommand:
            case "disable":
                view = client.licenses.disable(view.id)
            case "enable":
                view = client.licenses.enable(view.id)
            case "change":
                view = client.licenses.change(view.id, dict(_patch(options.fields)))
    if options.json:
        print(view.model_dump_json())
    else:
        print_fields(
            {
                "License": holder_of(view),
                "Id": str(view.id),
                "Product": view.product.short_code,
                "Policy": view.policy_code,
                "Status": view.status,
                "Type": f"{view.license_type}, trial" if view.is_trial else view.license_type,
                "Starts": str(view.start_date or ""),
                "Valid": validity_of(view),
                "Maintenance": f"until {view.maintenance_period}"
                if view.maintenance_period
                else "",
                "Activations": "unlimited"
                if view.allow_unlimited_activations
                else str(view.max_activations),
                "Users": ", ".join(user.email for user in view.license_users),
                "Order": f"{view.order_store_id} ({view.order})",
                "Customer": customer_name(view.customer),
                "Features": ", ".join(each.product_feature.code for each in view.product_features),
                "Note": view.note or "",
                "Subscription": view.subscription_id or "",
                "Metadata": json.dumps(view.metadata, ensure_ascii=False) if view.metadata else "",
                "Issued": format_time(view.created_at),
                "Changed": format_time(view.updated_at),
            }
        )


def _patch(fields: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a change; a value that is not JSON is a text."""
    for field in fields:
        name, equals, text = field.partition("=")
        if not equals or not name:
            raise Refused("missing_parameters", f"{field!r} is not FIELD=VALUE")
        if name in _TEXTS:
            yield name, None if text == "null" else text
            continue
        try:
            yield name, json.loads(text)
        except ValueError:
            yield name, text


_COLUMNS: dict[str, Callable[[LicenseView], str]] = {
    "License": lambda view: escape(holder_in_brief(view)),
    "Product": lambda view: escape(view.product.short_code),
    "Status": lambda view: view.status,
    "Type": lambda view: view.license_type,
    "Valid": validity_of,
    "Customer": lambda view: escape(customer_name(view.customer)),
    "Order": lambda view: escape(view.order_store_id),
}
