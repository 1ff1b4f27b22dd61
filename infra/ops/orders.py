"""`keywright orders`: place an order, look at one, export the licenses of one or of some days."""

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra.ops.client import Client, Placed
from infra.ops.connection import ApiProblem
from infra.ops.stages import add_noun, moment, open_client, stage_options
from shared.errors import NotFound, Refused
from shared.wire import LicenseBrief, LicenseView, OrderView, PlacedOrderView


def add_verbs(nouns: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `orders create`, `orders show` and `orders export` to the command."""
    verbs = add_noun(nouns, "orders", about="place, show and export orders")

    create = verbs.add_parser(
        "create", parents=[stage_options()], help="place an order (idempotent)"
    )
    create.add_argument("file", type=Path, help="order as JSON file, or - for stdin")
    create.add_argument("--idempotency-key", help="lets an order without an id be retried safely")
    create.set_defaults(run=_create)

    show = verbs.add_parser("show", parents=[stage_options()], help="show an order's licenses")
    show.add_argument("order", help="its id, or the id that the shop gave it")
    show.set_defaults(run=_show)

    export = verbs.add_parser("export", parents=[stage_options()], help="licenses as CSV")
    export.add_argument("order", nargs="?", help="export this order; omit for a date range")
    export.add_argument("--from", dest="first", type=date.fromisoformat, metavar="2026-01-31")
    export.add_argument("--to", dest="last", type=date.fromisoformat, metavar="2026-01-31")
    export.add_argument("--out", type=Path, help="write to this file, instead of stdout")
    export.set_defaults(run=_export)


def _create(asked: argparse.Namespace) -> None:
    try:
        body = json.loads(sys.stdin.read() if asked.file == Path("-") else asked.file.read_bytes())
    except OSError as error:
        raise NotFound(str(error)) from None
    except ValueError as error:
        raise Refused("invalid_json", f"{asked.file} is not JSON: {error}") from None
    with open_client(asked.stage) as client:
        placed = client.orders.create(body, idempotency_key=asked.idempotency_key)
    if asked.json:
        print(json.dumps({"replayed": placed.replayed, **placed.order.model_dump(mode="json")}))
    else:
        show_placed(placed, console=Console(highlight=False))


def _show(asked: argparse.Namespace) -> None:
    with open_client(asked.stage) as client:
        order = find_order(client, asked.order)
    if asked.json:
        print(order.model_dump_json())
    else:
        console = Console(highlight=False)
        placed = moment(order.created_at)
        console.print(f"Order {escape(order.store_id)}, id {order.id}, placed {placed}")
        console.print(licenses_table(order))
        _say_what_is_left(order, console)


def _export(asked: argparse.Namespace) -> None:
    if (asked.order is None) == (asked.first is None):
        raise Refused("missing_parameters", "give an order, or --from and --to")
    with open_client(asked.stage) as client:
        if asked.order:
            content = client.orders.export(find_order(client, asked.order).id)
        else:
            last = asked.last or date.today()  # noqa: DTZ011 - the operator's own day
            content = client.orders.export_days(str(asked.first), str(last))
    if asked.out:
        asked.out.write_bytes(content)
    else:
        sys.stdout.write(content.decode("utf-8-sig"))


def find_order(client: Client, named: str) -> OrderView:
    """The order of an id, ours or the shop's. Raises NotFound."""
    if named.isdecimal():
        try:
            return client.orders.show(int(named))
        except ApiProblem as problem:
            if problem.status != NotFound.status:
                raise
    for found in client.orders.list(store_id=named):
        return client.orders.show(found.id)
    raise NotFound(f"There is no order {named}.")


def show_placed(placed: Placed, *, console: Console) -> None:
    """What an order issued, with the passwords that are shown this once."""
    again = " [dim](placed before)" if placed.replayed else ""
    console.print(f"Order {escape(placed.order.store_id)}{again}, id {placed.order.id}")
    console.print(licenses_table(placed.order))
    _say_what_is_left(placed.order, console)
    for secret in placed.order.new_passwords:
        console.print(f"  initial password for {secret.email}: [bold]{escape(secret.new_password)}")


def _say_what_is_left(order: OrderView, console: Console) -> None:
    """A large order comes with its first licenses alone."""
    shown = sum(len(item.licenses) for item in order.order_items)
    if shown < order.licenses_count:
        console.print(
            f"These are {shown} of {order.licenses_count} licenses; "
            f"`keywright orders export {order.id}` writes all of them."
        )


def licenses_table(order: OrderView | PlacedOrderView) -> Table:
    table = Table(box=box.ROUNDED)
    for column in ("Product", "License", "Type", "Valid", "Features"):
        table.add_column(column, no_wrap=column == "License")
    for item in order.order_items:
        for view in item.licenses:
            table.add_row(*map(escape, _cells(item.product_code, view)))
    return table


def _cells(product: str, view: LicenseView | LicenseBrief) -> Iterator[str]:
    if isinstance(view, LicenseBrief):
        yield from (view.product_code or product, view.license_key or str(view.id))
        return
    yield view.product.short_code
    yield view.license_key or ", ".join(user.email for user in view.license_users)
    yield view.license_type
    yield _validity(view)
    yield ", ".join(grant.product_feature.code for grant in view.product_features)


def _validity(view: LicenseView) -> str:
    if view.validity_period:
        return f"until {view.validity_period}"
    if view.license_type in ("time-limited", "subscription") and view.valid_duration:
        return f"{view.valid_duration} from activation"
    return "never expires"
