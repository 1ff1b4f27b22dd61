"""`keywright customers`: list, show and delete customers."""

import argparse
import json
from collections.abc import Callable

from rich.markup import escape

from infra.cli.deletion import add_delete, delete_record
from infra.cli.stages import add_group, add_subcommand, format_time, open_client
from infra.cli.tables import add_limit, add_order, paging_of, print_fields, print_records
from infra.client.client import Client
from shared.contract.records import CustomerView
from shared.errors import NotFound


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    customers = add_group(commands, "customers", about="list, show and delete customers")
    listed = add_subcommand(customers, "list", _list, "list customers")
    listed.add_argument("--email", help="only the customer with this e-mail")
    listed.add_argument("--reference", help="only customers with exactly this reference")
    add_limit(listed, "customers")
    add_order(listed)
    show = add_subcommand(customers, "show", _show, "show a customer")
    show.add_argument("customer", help="e-mail, or customer id")
    about = "delete a customer who has no orders"
    add_delete(customers, _delete, "customer", about, "e-mail, or customer id")


def customer_name(view: CustomerView | None) -> str:
    """Return the e-mail, name or id of a customer; empty without a customer."""
    if view is None:
        return ""
    name = " ".join(part for part in (view.first_name, view.last_name) if part)
    return view.email or name or str(view.id)


def _list(options: argparse.Namespace) -> None:
    with open_client(options.stage) as client:
        print_records(
            client.customers.list(
                email=options.email, reference=options.reference, **paging_of(options)
            ),
            _COLUMNS,
            options,
            what="customers",
            droppable=("Id", "Reference"),
            folded=("E-mail", "Company"),
        )


def _show(options: argparse.Namespace) -> None:
    with open_client(options.stage) as client:
        view = _find(client, options.customer)
    if options.json:
        print(view.model_dump_json())
        return
    print_fields(
        {
            "Customer": customer_name(view),
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


def _delete(options: argparse.Namespace) -> None:
    with open_client(options.stage) as client:
        view = _find(client, options.customer)
        name = view.email or str(view.id)
        delete_record(options, "customer", name, view.id, client.customers.delete)


def _address(view: CustomerView) -> str:
    parts = (view.address, view.postcode, view.city, view.state, view.country)
    return ", ".join(part for part in parts if part)


def _total(view: CustomerView, total: int | None) -> str:
    """Return a count, such as `50,000+` if the API stopped counting."""
    return f"{total or 0:,}{'+' if view.totals_truncated else ''}"


def _find(client: Client, named: str) -> CustomerView:
    if "@" in named:
        for found in client.customers.list(email=named):
            return client.customers.show(found.id)
    elif named.isdecimal():
        return client.customers.show(int(named))
    raise NotFound(f"There is no customer {named}.")


_COLUMNS: dict[str, Callable[[CustomerView], str]] = {
    "Id": lambda view: str(view.id),
    "E-mail": lambda view: escape(view.email or ""),
    "Company": lambda view: escape(view.company_name or ""),
    "Reference": lambda view: escape(view.reference or ""),
    "Created (UTC)": lambda view: format_time(view.created_at).removesuffix(" UTC"),
}
