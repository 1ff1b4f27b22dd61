"""`keywright licenses` and `keywright customers`: list, show and change records."""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from pydantic import BaseModel
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra.cli.stages import add_group, format_time, open_client, stage_options
from infra.cli.tables import print_table
from infra.client.client import Client
from infra.client.connection import ApiProblem
from shared.contract.records import CustomerView, LicenseView
from shared.errors import NotFound, Refused

_TEXTS = ("note", "subscription_id")
"""Fields whose values are texts even if they look like numbers."""


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `keywright licenses` and `keywright customers`."""
    licenses = add_group(commands, "licenses", about="list, show and change licenses")
    listed = licenses.add_parser("list", parents=[stage_options()], help="list licenses")
    for name, about in (
        ("--customer", "only licenses of the customer with this e-mail"),
        ("--order", "only licenses of this order of the shop"),
        ("--product", "only licenses of the product with this short code"),
    ):
        listed.add_argument(name, help=about)
    add_limit(listed, "licenses")
    listed.set_defaults(run=_list_licenses)

    for name, about in (
        ("show", "show a license"),
        ("disable", "disable a license; it can be enabled again"),
        ("enable", "enable a license"),
        ("change", "change fields of a license, such as max_activations=7"),
    ):
        subcommand = licenses.add_parser(name, parents=[stage_options()], help=about)
        subcommand.add_argument("license", help="license key, or license id")
        if name == "change":
            subcommand.add_argument(
                "fields",
                nargs="+",
                metavar="FIELD=VALUE",
                help="a field of the API and its new value; null clears it",
            )
        subcommand.set_defaults(run=_run_license, subcommand=name)

    customers = add_group(commands, "customers", about="list and show customers")
    listed = customers.add_parser("list", parents=[stage_options()], help="list customers")
    listed.add_argument("--email", help="only the customer with this e-mail")
    listed.add_argument("--reference", help="only customers with exactly this reference")
    add_limit(listed, "customers")
    listed.set_defaults(run=_list_customers)
    show = customers.add_parser("show", parents=[stage_options()], help="show a customer")
    show.add_argument("customer", help="e-mail, or customer id")
    show.set_defaults(run=_show_customer)


def add_limit(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the options of a list."""
    parser.add_argument(
        "--limit", type=int, default=20, help=f"how many {what} to show; default: 20"
    )
    parser.add_argument("--oldest-first", action="store_true", help="show the oldest first")


def paging_of(options: argparse.Namespace) -> dict[str, Any]:
    """The query parameters for the options of a list."""
    order = "created_at" if options.oldest_first else "-created_at"
    return {"limit": max(1, min(options.limit, 100)), "order_by": order}


def print_records[R: BaseModel](
    records: Iterable[R],
    columns: Mapping[str, Callable[[R], str]],
    options: argparse.Namespace,
    *,
    what: str,
    droppable: Sequence[str],
    folded: Sequence[str],
) -> None:
    """Print the first records of a list as a table, or as JSON."""
    shown = [*islice(records, max(0, options.limit))]
    if options.json:
        print(json.dumps([each.model_dump(mode="json") for each in shown]))
    elif shown:
        console = Console(highlight=False)
        print_table(shown, columns, console=console, droppable=droppable, folded=folded)
    else:
        print(f"No {what}.")


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
    """When a license ends, in words."""
    if view.validity_period:
        return f"until {view.validity_period}"
    if view.license_type in ("time-limited", "subscription") and view.valid_duration:
        return f"{view.valid_duration} from activation"
    return "never expires"


def holder_of(view: LicenseView) -> str:
    """What a license is known by: its key, or its users."""
    return view.license_key or ", ".join(user.email for user in view.license_users)


def holder_in_brief(view: LicenseView) -> str:
    """The key of a license, or its first user and the number of the others."""
    users = view.license_users
    more = f" +{len(users) - 1}" if len(users) > 1 else ""
    return view.license_key or (f"{users[0].email}{more}" if users else str(view.id))


def _list_licenses(options: argparse.Namespace) -> None:
    query = {
        "customer_email": options.customer,
        "order_store_id": options.order,
        "product": options.product,
    }
    with open_client(options.stage) as client:
        print_records(
            client.licenses.list(**query, **paging_of(options)),
            _LICENSES,
            options,
            what="licenses",
            droppable=("Order", "Type", "Product"),
            folded=("Customer",),
        )


def _run_license(options: argparse.Namespace) -> None:
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
        _print_fields(
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
                "Activations": _activations(view),
                "Users": ", ".join(user.email for user in view.license_users),
                "Order": f"{view.order_store_id} ({view.order})",
                "Customer": _customer_name(view.customer),
                "Features": ", ".join(each.product_feature.code for each in view.product_features),
                "Note": view.note or "",
                "Subscription": view.subscription_id or "",
                "Metadata": json.dumps(view.metadata, ensure_ascii=False) if view.metadata else "",
                "Issued": format_time(view.created_at),
                "Changed": format_time(view.updated_at),
            }
        )


def _activations(view: LicenseView) -> str:
    return "unlimited" if view.allow_unlimited_activations else str(view.max_activations)


def _patch(fields: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """The fields of a change; values are JSON where they can be, and texts elsewhere."""
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


def _list_customers(options: argparse.Namespace) -> None:
    with open_client(options.stage) as client:
        print_records(
            client.customers.list(
                email=options.email, reference=options.reference, **paging_of(options)
            ),
            _CUSTOMERS,
            options,
            what="customers",
            droppable=("Id", "Reference"),
            folded=("E-mail", "Company"),
        )


def _show_customer(options: argparse.Namespace) -> None:
    with open_client(options.stage) as client:
        view = _find_customer(client, options.customer)
    if options.json:
        print(view.model_dump_json())
        return
    _print_fields(
        {
            "Customer": _customer_name(view),
            "Id": str(view.id),
            "E-mail": view.email or "",
            "Company": view.company_name or "",
            "Phone": view.phone or "",
            "Reference": view.reference or "",
            "Address": _address(view),
            "Metadata": json.dumps(view.metadata, ensure_ascii=False) if view.metadata else "",
            "Orders": _total(view, view.total_orders),
            "Licenses": _total(view, view.total_licenses),
            "Created": format_time(view.created_at),
            "Changed": format_time(view.updated_at),
        }
    )


def _address(view: CustomerView) -> str:
    parts = (view.address, view.postcode, view.city, view.state, view.country)
    return ", ".join(part for part in parts if part)


def _total(view: CustomerView, total: int | None) -> str:
    """A count; `50,000+` if the API stopped counting."""
    return f"{total or 0:,}{'+' if view.totals_truncated else ''}"


def _find_customer(client: Client, named: str) -> CustomerView:
    if "@" in named:
        for found in client.customers.list(email=named):
            return client.customers.show(found.id)
    elif named.isdecimal():
        return client.customers.show(int(named))
    raise NotFound(f"There is no customer {named}.")


def _print_fields(fields: Mapping[str, str]) -> None:
    table = Table(box=box.ROUNDED, show_header=False)
    for name, value in fields.items():
        if value:
            table.add_row(name, escape(value))
    Console(highlight=False).print(table)


def _customer_name(view: CustomerView | None) -> str:
    if view is None:
        return ""
    name = " ".join(part for part in (view.first_name, view.last_name) if part)
    return view.email or name or str(view.id)


_LICENSES: dict[str, Callable[[LicenseView], str]] = {
    "License": lambda view: escape(holder_in_brief(view)),
    "Product": lambda view: escape(view.product.short_code),
    "Status": lambda view: view.status,
    "Type": lambda view: view.license_type,
    "Valid": validity_of,
    "Customer": lambda view: escape(_customer_name(view.customer)),
    "Order": lambda view: escape(view.order_store_id),
}
_CUSTOMERS: dict[str, Callable[[CustomerView], str]] = {
    "Id": lambda view: str(view.id),
    "E-mail": lambda view: escape(view.email or ""),
    "Company": lambda view: escape(view.company_name or ""),
    "Reference": lambda view: escape(view.reference or ""),
    "Created (UTC)": lambda view: format_time(view.created_at).removesuffix(" UTC"),
}
