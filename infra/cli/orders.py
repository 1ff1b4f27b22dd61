"""`keywright orders`: place, list, show, export and delete orders."""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from infra.cli.deletion import add_delete, delete_record
from infra.cli.licenses import holder_in_brief, validity_of
from infra.cli.stages import add_group, add_subcommand, format_time, open_client
from infra.cli.tables import add_limit, add_order, paging_of, print_records, print_table
from infra.client.client import Client, Placed
from infra.client.connection import ApiProblem
from shared.contract.records import LicenseBrief, LicenseView, OrderView, PlacedOrderView
from shared.errors import NotFound, Refused

type _Issued = tuple[str, LicenseView | LicenseBrief]
"""The product code of an order item, and one of its licenses."""


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    subcommands = add_group(commands, "orders", about="place, list, show, export and delete orders")

    create = add_subcommand(subcommands, "create", _create, "place an order (idempotent)")
    create.add_argument("file", type=Path, help="order as JSON file, or - for stdin")
    create.add_argument("--idempotency-key", help="lets an order without an id be retried safely")

    listed = add_subcommand(subcommands, "list", _list, "list orders")
    listed.add_argument("--customer", help="only orders of the customer with this e-mail")
    _add_day(listed, "--from", "first", "first day (UTC)")
    _add_day(listed, "--to", "last", "last day (UTC), included")
    add_limit(listed, "orders")
    add_order(listed)

    show = add_subcommand(subcommands, "show", _show, "show an order and its licenses")
    show.add_argument("order", help="order id, or the shop's order id")

    export = add_subcommand(subcommands, "export", _export, "export licenses as CSV")
    export.add_argument("order", nargs="?", help="export this order; omit for a date range")
    _add_day(export, "--from", "first", "first day of a range (UTC)")
    _add_day(export, "--to", "last", "last day of the range, included; default: today")
    export.add_argument("--out", type=Path, help="write to this file instead of stdout")

    about = "delete an order that has no licenses"
    add_delete(subcommands, _delete, "order", about, "order id, or the shop's order id")


def _add_day(parser: argparse.ArgumentParser, name: str, dest: str, about: str) -> None:
    parser.add_argument(name, dest=dest, type=_day, metavar="YYYY-MM-DD", help=about)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date: use YYYY-MM-DD") from None


def _create(options: argparse.Namespace) -> None:
    try:
        body = json.loads(
            sys.stdin.read() if options.file == Path("-") else options.file.read_bytes()
        )
    except OSError as error:
        raise NotFound(str(error)) from None
    except ValueError as error:
        raise Refused("invalid_json", f"{options.file} is not valid JSON: {error}") from None
    with open_client(options.stage) as client:
        placed = client.orders.create(body, idempotency_key=options.idempotency_key)
    if options.json:
        print(json.dumps({"replayed": placed.replayed, **placed.order.model_dump(mode="json")}))
    else:
        show_placed(placed, console=Console(highlight=False))


def _list(options: argparse.Namespace) -> None:
    with open_client(options.stage) as client:
        print_records(
            client.orders.list(
                customer_email=options.customer,
                created_at__gte=options.first and f"{options.first}T00:00:00Z",
                created_at__lt=options.last and f"{options.last + timedelta(days=1)}T00:00:00Z",
                **paging_of(options),
            ),
            _COLUMNS,
            options,
            what="orders",
            droppable=("Id",),
            folded=("Order", "Customer"),
        )


def _show(options: argparse.Namespace) -> None:
    with open_client(options.stage) as client:
        order = find_order(client, options.order)
    if options.json:
        print(order.model_dump_json())
    else:
        console = Console(highlight=False)
        placed = format_time(order.created_at)
        customer = f", for {escape(order.customer_email)}" if order.customer_email else ""
        test = ", test order" if order.is_test else ""
        console.print(
            f"Order {escape(order.store_id)}, id {order.id}, placed {placed}{customer}{test}"
        )
        print_licenses(order, console=console)
        _show_remaining(order, console)


def _delete(options: argparse.Namespace) -> None:
    with open_client(options.stage) as client:
        order = find_order(client, options.order)
        delete_record(options, "order", order.store_id, order.id, client.orders.delete)


def _export(options: argparse.Namespace) -> None:
    if (options.order is None) == (options.first is None):
        raise Refused("missing_parameters", "give an order, or --from and --to")
    with open_client(options.stage) as client:
        if options.order:
            content = client.orders.export(find_order(client, options.order).id)
        else:
            last = options.last or datetime.now(UTC).date()
            content = client.orders.export_days(str(options.first), str(last))
    if options.out:
        options.out.write_bytes(content)
    else:
        sys.stdout.write(content.decode("utf-8-sig"))


def find_order(client: Client, id: str) -> OrderView:
    """Return an order by its id or the shop's order id. Raises NotFound."""
    if id.isdecimal():
        try:
            return client.orders.show(int(id))
        except ApiProblem as problem:
            if problem.status != NotFound.status:
                raise
    for found in client.orders.list(store_id=id):
        return client.orders.show(found.id)
    raise NotFound(f"There is no order {id}.")


def show_placed(placed: Placed, *, console: Console) -> None:
    """Print what an order issued, with initial passwords, which are shown only once."""
    replayed = " [dim](already placed)" if placed.replayed else ""
    console.print(f"Order {escape(placed.order.store_id)}{replayed}, id {placed.order.id}")
    print_licenses(placed.order, console=console)
    _show_remaining(placed.order, console)
    for secret in placed.order.new_passwords:
        console.print(f"  initial password for {secret.email}: [bold]{escape(secret.new_password)}")


def _show_remaining(order: OrderView, console: Console) -> None:
    """Print how many licenses are not shown: the API returns the first licenses of an order."""
    shown = sum(len(item.licenses) for item in order.order_items)
    if shown < order.licenses_count:
        console.print(
            f"Showing {shown} of {order.licenses_count} licenses. To export all of them:"
            f" keywright orders export {order.id}"
        )


def print_licenses(order: OrderView | PlacedOrderView, *, console: Console) -> None:
    """Print a table of an order's licenses."""
    licenses = [(item.product_code, view) for item in order.order_items for view in item.licenses]
    print_table(
        licenses,
        _LICENSES,
        console=console,
        droppable=("Type", "Features"),
        folded=("Features",),
    )


def _full(cell: Callable[[LicenseView], str]) -> Callable[[_Issued], str]:
    """A cell of a complete license; blank for a license in brief."""
    return lambda row: "" if isinstance(row[1], LicenseBrief) else escape(cell(row[1]))


def _holder(row: _Issued) -> str:
    view = row[1]
    if isinstance(view, LicenseBrief):
        return escape(view.license_key or str(view.id))
    return escape(holder_in_brief(view))


_LICENSES: dict[str, Callable[[_Issued], str]] = {
    "Product": lambda row: escape(
        (row[1].product_code or row[0])
        if isinstance(row[1], LicenseBrief)
        else row[1].product.short_code
    ),
    "License": _holder,
    "Status": _full(lambda view: view.status),
    "Type": _full(lambda view: view.license_type),
    "Valid": _full(validity_of),
    "Features": _full(
        lambda view: ", ".join(grant.product_feature.code for grant in view.product_features)
    ),
}
_COLUMNS: dict[str, Callable[[OrderView], str]] = {
    "Order": lambda order: escape(order.store_id),
    "Id": lambda order: str(order.id),
    "Customer": lambda order: escape(order.customer_email or ""),
    "Licenses": lambda order: f"{order.licenses_count:,}",
    "Created (UTC)": lambda order: format_time(order.created_at).removesuffix(" UTC"),
}
