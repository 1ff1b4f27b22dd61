"""Insert the licenses of rows: 25 in a request, or in one transaction with what belongs to them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, compress
from json.encoder import encode_basestring as quoted

import orjson

from shared.licenses import License
from shared.row_entries import Import, LicenseEntry
from shared.store import bulk, dynamo
from shared.store.licenses import TABLE as LICENSES
from shared.store.licenses import license_puts
from shared.store.signed_http import Exchange
from shared.workflows.batch import Found
from shared.workflows.import_orders import BatchOrders
from shared.workflows.import_users import RowUsers
from shared.workflows.row_bundles import RowBundles

type Placed = tuple[LicenseEntry, int]
"""A row, and the id of its license."""

_PLACED = ("id", "order_id", "order_item_id", "order_store_id")


@dataclass
class LicenseInserts:
    """Writes licenses of a batch whose orders and customers are known."""

    job: Import
    pool: bulk.Pool
    writer: BatchOrders
    customers: Mapping[int, Found]
    users: RowUsers
    bundles: RowBundles
    heads: dict[tuple[int, int], tuple[str, str]] = field(default_factory=dict)
    bought: dict[tuple[int, int | None, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.orders, self.made = self.writer.places, self.job.made

    def insert(self, rows: Sequence[Placed]) -> list[Placed]:
        """Write licenses that do not exist; returns the rows whose license is new."""
        plain = [row for row in rows if not (row[0].users or row[0].bundle_key)]
        written = self._inserted(plain)
        if len(plain) < len(rows):
            others = [row for row in rows if row[0].users or row[0].bundle_key]
            written = chain(written, self._inserted_together(others))
        return [each for batch in written for each in batch]

    def _inserted(self, pairs: Sequence[Placed]) -> Iterable[list[Placed]]:
        """Insert licenses in batches; yields those of each batch that are new."""

        def insert(batch: Sequence[Placed]) -> Exchange[list[Placed]]:
            statements = [self._statement(entry, id) for entry, id in batch]
            new = yield from bulk.insert_all(LICENSES, statements, self.pool.patience)
            return [*compress(batch, new)]

        return self.pool.each(insert, bulk.batches(pairs))

    def _inserted_together(self, pairs: Sequence[Placed]) -> Iterable[list[Placed]]:
        """Write licenses with their users, and bundles with their members, in transactions."""

        def insert(unit: Sequence[Placed]) -> Exchange[list[Placed]]:
            licenses = [self._license(entry, id) for entry, id in unit]
            (entry, _), *_ = unit
            if entry.users:
                is_new = yield from self.users.insert(entry, licenses[0])
            else:
                puts = [*license_puts(self.job.company, self.bundles.linked(licenses))]
                is_new = yield from bulk.transact(LICENSES, puts, self.pool.patience)
                self.pool.patience.progressed = self.pool.patience.progressed or is_new
            return [*unit] if is_new else []

        users = [[pair] for pair in pairs if pair[0].users]
        units = self.bundles.units(pair for pair in pairs if pair[0].bundle_key)
        return self.pool.each(insert, [*users, *units])

    def _license(self, entry: LicenseEntry, id: int) -> License:
        """A license that is written in a transaction, with its place in its order."""
        order_id = self.orders[entry.order_id].id
        customer = None if (named := entry.customer_id) is None else self.customers[named].id
        return entry.model.model_copy(
            update={
                "id": id,
                "license_key": entry.license_key,
                "row_name": entry.key if entry.users else None,
                "order_id": order_id,
                "order_item_id": self.writer.item_id(order_id, self.bundles.sold_as(entry)[0]),
                "order_store_id": entry.store_id,
                "customer_id": customer,
                "note": entry.note or None,
                "subscription_id": entry.subscription_id or None,
                "made_by": self.job.maker(entry.record.row),
            }
        )

    def _statement(self, entry: LicenseEntry, id: int) -> bytes:
        """The INSERT of a license: the shared values of its model, and its own values."""
        company, model = self.job.company, entry.model
        flags = bool(entry.customer_id) + 2 * bool(entry.note) + 4 * bool(entry.subscription_id)
        head, shared = self._head(model, flags)
        more = f',{{"S":{quoted(entry.note)}}}' if entry.note else ""
        if entry.subscription_id:
            more += f',{{"S":{quoted(entry.subscription_id)}}}'
        return (
            f'{head}{{"S":"{company}#{id}"}},{{"N":"{id}"}},'
            f'{{"S":"{self.made}{entry.record.row}"}},{{"S":{quoted(entry.key)}}}'
            f"{self._bought(entry)}{more}{shared}"
        ).encode()

    def _bought(self, entry: LicenseEntry) -> str:
        """The values that all licenses of a product in an order share."""
        place = entry.order_id, entry.customer_id, entry.model.product_code
        known = self.bought.get(place)
        if known is None:
            id = self.orders[entry.order_id].id
            known = (
                f',{{"N":"{id}"}},{{"N":"{self.writer.item_id(id, place[2])}"}}'
                f',{{"S":{quoted(entry.store_id)}}}'
            )
            if entry.customer_id is not None:
                known += f',{{"N":"{self.customers[entry.customer_id].id}"}}'
            self.bought[place] = known
        return known

    def _head(self, model: License, flags: int) -> tuple[str, str]:
        """The statement's text for a model and the optional values, and the model's own values."""
        known = self.heads.get((id(model), flags))
        if known is None:
            own = dynamo.record_item(model)
            for name in _PLACED:
                own.pop(name, None)
            names = ["pk", "id", "made_by", "license_key"]
            names += ["order_id", "order_item_id", "order_store_id"]
            optional = ("customer_id", "note", "subscription_id")
            names += [name for bit, name in enumerate(optional) if flags >> bit & 1]
            head = bulk.insert_of(LICENSES, (*names, *own)).decode()
            known = head, "," + orjson.dumps(list(own.values())).decode()[1:-1] + "]}"
            self.heads[id(model), flags] = known
        return known
