"""Importing a stretch of rows: what is new is written, what is there is counted, exactly once.

Every write says which row of which job made it, so a stretch that is run again, wholly or in part,
at once or much later, recognizes its own work and comes to the same counts. Licenses are written
first, by conditional inserts; customers and orders follow for those licenses only that are new, so
a row whose license exists changes nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from json.encoder import encode_basestring as quoted
from typing import Any

import orjson

from shared.catalog import Product
from shared.errors import Busy
from shared.importing import (
    Bad,
    CustomerEntry,
    Entry,
    FeatureEntry,
    Import,
    LicenseEntry,
    feature_faults,
    granted,
    unknown_license,
)
from shared.licenses import License
from shared.orders import FIRST_PART
from shared.rows import CustomerRow, OrderRow
from shared.store import bulk, dynamo
from shared.store.customers import TABLE as CUSTOMERS
from shared.store.customers import customer_key
from shared.store.licenses import TABLE as LICENSES
from shared.store.licenses import licenses_by_id
from shared.store.orders import TABLE as ORDERS
from shared.values import record_id

_PLACED = ("id", "order_id", "order_item_id", "order_store_id")
_TRIES = 8


@dataclass
class Stretch:
    """What became of a stretch of rows.

    `made` holds, for a dry run, `[row, license, order, customer]` of each row that would make a
    license, 0 for an order or customer that is there; otherwise ids of orders and customers that
    this job made. The same record may be in several stretches, so the job counts distinct ones.
    """

    first_row: int
    rows: int = 0
    invalid: list[Bad] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    created_licenses: int = 0
    existed_licenses: int = 0
    order_rows: int = 0
    customer_rows: int = 0
    created_features: int = 0
    existed_features: int = 0
    made: dict[str, list[Any]] = field(default_factory=dict)


def import_stretch(
    job: Import, entries: Sequence[Entry | Bad], *, dry_run: bool, pool: ThreadPoolExecutor
) -> Stretch:
    """Carry out what some consecutive rows ask for, or, in a dry run, say what it would be."""
    done = Stretch(entries[0].record.row, len(entries))
    done.invalid = [entry for entry in entries if isinstance(entry, Bad)]
    licenses = [entry for entry in entries if isinstance(entry, LicenseEntry)]
    customers = [entry for entry in entries if isinstance(entry, CustomerEntry)]
    features = [entry for entry in entries if isinstance(entry, FeatureEntry)]
    if licenses:
        _Licenses(job, done, pool, dry_run=dry_run).run(licenses)
    if customers:
        _import_customers(job, customers, done, pool, dry_run=dry_run)
    if features:
        _import_features(job, features, done, pool, dry_run=dry_run)
        done.invalid.sort(key=lambda bad: bad.record.row)
    return done


@dataclass
class _Place:
    """A customer or order that rows name: its id, and the item that is there."""

    id: int
    found: dict[str, Any] | None


class _Licenses:
    def __init__(
        self, job: Import, done: Stretch, pool: ThreadPoolExecutor, *, dry_run: bool
    ) -> None:
        self.job, self.done, self.pool, self.dry_run = job, done, pool, dry_run
        self.heads: dict[tuple[int, int], tuple[str, str]] = {}
        self.bought: dict[tuple[int, int | None, str], str] = {}
        self.orders: dict[int, _Place] = {}
        self.customers: dict[int, _Place] = {}

    def run(self, entries: list[LicenseEntry]) -> None:
        first: dict[str, LicenseEntry] = {}
        for entry in entries:
            first.setdefault(entry.key, entry)
        self.done.order_rows += len(entries)
        self.done.customer_rows += sum(entry.customer is not None for entry in entries)
        self.orders = _places(
            self.pool,
            ORDERS,
            {entry.order_id: entry.store_id for entry in first.values()},
            "store_id",
            lambda id: (dynamo.home(self.job.company, id), FIRST_PART),
            lambda name, n: record_id(self.job.company, "order", name, attempt=n),
        )
        self.customers = _customer_places(
            self.job,
            self.pool,
            (
                (entry.customer_id, entry.customer)
                for entry in first.values()
                if entry.customer_id is not None and entry.customer is not None
            ),
        )
        made = self._write(list(first.values()))
        self.done.created_licenses += len(made)
        self.done.existed_licenses += len(entries) - len(made)
        self._warn([entry for entry, _ in made])
        if self.dry_run:
            self.done.made["rows"] = [
                [
                    entry.record.row,
                    id,
                    self._new(self.orders, entry.order_id),
                    self._new(self.customers, entry.customer_id),
                ]
                for entry, id in made
            ]
        else:
            self._settle(made)

    def _write(self, entries: list[LicenseEntry]) -> list[tuple[LicenseEntry, int]]:
        """The entries whose licenses this job made, now or before, with their ids."""
        made: list[tuple[LicenseEntry, int]] = []
        waiting, attempt = entries, 0
        while waiting:
            ids = [
                record_id(self.job.company, "license", entry.key, attempt=attempt)
                for entry in waiting
            ]
            pairs = list(zip(waiting, ids, strict=True))
            if self.dry_run:
                there = pairs
            else:
                written = [w for batch in self._inserted(pairs) for w in batch]
                made += [pair for pair, new in zip(pairs, written, strict=True) if new]
                there = [pair for pair, new in zip(pairs, written, strict=True) if not new]
            found = _get_all(
                self.pool, LICENSES, [(dynamo.home(self.job.company, id),) for _, id in there]
            )
            waiting = []
            for entry, id in there:
                item = found.get((dynamo.home(self.job.company, id),))
                if item is None or item.get("made_by") == self.job.maker(entry.record.row):
                    made.append((entry, id))
                elif item.get("license_key") != entry.key:
                    waiting.append(entry)
            attempt += 1
        return sorted(made, key=lambda pair: pair[0].record.row)

    def _inserted(self, pairs: list[tuple[LicenseEntry, int]]) -> Iterable[list[bool]]:
        work = (
            [self._statement(entry, id) for entry, id in batch] for batch in bulk.batches(pairs)
        )
        return bulk.each(self.pool, bulk.insert_all, work)

    def _statement(self, entry: LicenseEntry, id: int) -> bytes:
        """The INSERT of a license: what its model shares with others, and its own values."""
        company, model = self.job.company, entry.model
        flags = bool(entry.customer_id) + 2 * bool(entry.note) + 4 * bool(entry.subscription_id)
        head, shared = self._head(model, flags)
        more = f',{{"S":{quoted(entry.note)}}}' if entry.note else ""
        if entry.subscription_id:
            more += f',{{"S":{quoted(entry.subscription_id)}}}'
        return (
            f'{head}{{"S":"{company}#{id}"}},{{"S":"{dynamo.shelf(company, id)}"}},'
            f'{{"S":"{model.product_id}#{id}"}},{{"N":"{id}"}},'
            f'{{"S":"{self.job.made}{entry.record.row}"}},{{"S":{quoted(entry.key)}}}'
            f"{self._bought(entry)}{more}{shared}"
        ).encode()

    def _bought(self, entry: LicenseEntry) -> str:
        """The values that all licenses of one product in an order share."""
        place = entry.order_id, entry.customer_id, entry.model.product_code
        known = self.bought.get(place)
        if known is None:
            id = self.orders[entry.order_id].id
            known = (
                f',{{"N":"{id}"}},{{"N":"{self._item_id(id, place[2])}"}}'
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
            names = ["pk", "listed", "product_license", "id", "made_by", "license_key"]
            names += ["order_id", "order_item_id", "order_store_id"]
            optional = ("customer_id", "note", "subscription_id")
            names += [name for bit, name in enumerate(optional) if flags >> bit & 1]
            head = bulk.insert_of(LICENSES, (*names, *own)).decode()
            known = head, "," + orjson.dumps(list(own.values())).decode()[1:-1] + "]}"
            self.heads[id(model), flags] = known
        return known

    def _settle(self, made: list[tuple[LicenseEntry, int]]) -> None:
        """Write the customers and orders of new licenses, and what each order got."""
        job = self.job
        drafts: dict[int, tuple[int, CustomerRow]] = {}
        orders: dict[int, LicenseEntry] = {}
        items: dict[int, dict[str, tuple[int, list[int]]]] = {}
        for entry, id in made:
            if entry.customer_id is not None and entry.customer is not None:
                drafts.setdefault(entry.customer_id, (entry.record.row, entry.customer))
            orders.setdefault(entry.order_id, entry)
            model, held = entry.model, items.setdefault(entry.order_id, {})
            held.setdefault(model.product_code, (model.product_id, []))[1].append(id)
        _write_customers(job, self.customers, drafts, self.done, self.pool)
        self._write_orders(orders)
        parts = (
            self._part(self.orders[named].id, orders[named].store_id, held)
            for named, held in items.items()
        )
        for _ in bulk.each(
            self.pool, lambda batch: bulk.put_all(ORDERS, batch), bulk.batches(parts)
        ):
            pass

    def _write_orders(self, orders: dict[int, LicenseEntry]) -> None:
        job, made = self.job, self.done.made.setdefault("orders", [])
        wanted = {
            named: self._order(self.orders[named].id, entry) for named, entry in orders.items()
        }
        rows = {named: entry.record.row for named, entry in orders.items()}
        for named, ours in _write_first(job, ORDERS, self.orders, wanted, rows, self.pool):
            if ours:
                made.append(self.orders[named].id)
            elif not (self.orders[named].found or {}).get("appended"):
                _mark_appended(job, self.orders[named].id)

    def _order(self, id: int, entry: LicenseEntry) -> dynamo.Item:
        """An Order as an item; thousands of them are not made into models first."""
        job, row = self.job, entry.order
        customer = None if entry.customer_id is None else self.customers[entry.customer_id].id
        began = job.began.isoformat()
        order = {
            "id": id,
            "store_id": entry.store_id,
            "customer_id": customer,
            "type": None if row.type == "normal" else row.type,
            "is_test": row.is_test or None,
            "is_trial": row.is_trial or None,
            "download_id": row.download_id,
            "language": row.language,
            "campaign_params": row.campaign_params,
            "appended": True,
            "made_by": job.maker(entry.record.row),
            "created_at": began,
            "updated_at": began,
            "pk": dynamo.home(job.company, id),
            "sk": FIRST_PART,
            "listed": dynamo.shelf(job.company, id),
            "created": f"{dynamo.stamp(job.began)}#{id}",
            "customer_orders": f"{job.company}#{customer}" if customer else None,
        }
        return dynamo.to_item(order)

    def _part(self, id: int, store_id: str, held: dict[str, tuple[int, list[int]]]) -> dynamo.Item:
        """What an order got from these rows, as the item of a part of an Order."""
        part = f"rows#{self.job.number}#{self.done.first_row:010}"
        began = self.job.began.isoformat()
        items = [
            {
                "id": self._item_id(id, product_code),
                "product_id": product_id,
                "product_code": product_code,
                "license_ids": ids,
            }
            for product_code, (product_id, ids) in held.items()
        ]
        order = {
            "pk": dynamo.home(self.job.company, id),
            "sk": part,
            "id": id,
            "part": part,
            "store_id": store_id,
            "items": items,
            "created_at": began,
            "updated_at": began,
        }
        return dynamo.to_item(order)

    def _item_id(self, order_id: int, product_code: str) -> int:
        """All licenses of one product that imports add to an order are one item of it."""
        return record_id(self.job.company, "item", order_id, "import", product_code)

    def _new(self, places: dict[int, _Place], named: int | None) -> int:
        if named is None:
            return 0
        found = places[named].found
        return 0 if found and not _is_ours(self.job, found) else places[named].id

    def _warn(self, entries: list[LicenseEntry]) -> None:
        """Rows that say something else of an order or customer than the first one of them did."""
        orders: dict[int, OrderRow] = {}
        customers: dict[int, CustomerRow] = {}
        for entry in entries:
            order, customer = entry.order, entry.customer
            if order.store_id and (first := orders.setdefault(entry.order_id, order)) is not order:
                self.done.warnings += _differences(entry, "order", first, order)
            if customer is not None and entry.customer_id is not None:
                named = customers.setdefault(entry.customer_id, customer)
                if named is not customer:
                    self.done.warnings += _differences(entry, "customer", named, customer)


def _differences(
    entry: LicenseEntry, part: str, first: OrderRow | CustomerRow, row: OrderRow | CustomerRow
) -> list[dict[str, Any]]:
    return [
        {
            "row": entry.record.row,
            "line": entry.record.line,
            "column": f"{part}__{name}",
            "code": "differs_from_first",
            "message": f"an earlier row of this {part} said {getattr(first, name)!r}, which stands",
            "value": str(value),
        }
        for name in type(row).model_fields
        if (value := getattr(row, name)) is not None and value != getattr(first, name)
    ]


def _import_customers(
    job: Import,
    entries: list[CustomerEntry],
    done: Stretch,
    pool: ThreadPoolExecutor,
    *,
    dry_run: bool,
) -> None:
    done.customer_rows += len(entries)
    drafts: dict[int, tuple[int, CustomerRow]] = {}
    for entry in entries:
        drafts.setdefault(entry.customer_id, (entry.record.row, entry.customer))
    places = _customer_places(job, pool, ((named, row) for named, (_, row) in drafts.items()))
    if dry_run:
        done.made["customers"] = [
            place.id for place in places.values() if not place.found or _is_ours(job, place.found)
        ]
    else:
        _write_customers(job, places, drafts, done, pool)


def _write_customers(
    job: Import,
    places: dict[int, _Place],
    drafts: dict[int, tuple[int, CustomerRow]],
    done: Stretch,
    pool: ThreadPoolExecutor,
) -> None:
    wanted, rows, began = {}, {}, job.began.isoformat()
    for named, (row, said) in drafts.items():
        id = places[named].id
        pk, sk = customer_key(job.company, id)
        customer = {"pk": pk, "sk": sk, "id": id, "made_by": job.maker(row), **dict(said)}
        wanted[named] = dynamo.to_item(customer | {"created_at": began, "updated_at": began})
        rows[named] = row
    made = done.made.setdefault("customers", [])
    for named, ours in _write_first(job, CUSTOMERS, places, wanted, rows, pool):
        if ours:
            made.append(places[named].id)


def _write_first(
    job: Import,
    env_name: str,
    places: dict[int, _Place],
    wanted: dict[int, dynamo.Item],
    rows: dict[int, int],
    pool: ThreadPoolExecutor,
) -> list[tuple[int, bool]]:
    """Write records that several rows may name, as the first row of the file has them.

    Yields each name and whether this job made the record. Another chunk may have written it from
    a later row: then this row's takes its place; from an earlier row: then that one stays.
    """
    missing = [named for named in wanted if places[named].found is None]
    statements = (
        [bulk.insert(env_name, wanted[named]) for named in batch] for batch in bulk.batches(missing)
    )
    written = [new for batch in bulk.each(pool, bulk.insert_all, statements) for new in batch]
    late = [named for named, new in zip(missing, written, strict=True) if not new]
    keys = {named: (wanted[named]["pk"]["S"], wanted[named]["sk"]["S"]) for named in late}
    found = _get_all(pool, env_name, list(keys.values()))
    for named in late:
        places[named].found = found.get(keys[named])
    results = []
    for named, item in wanted.items():
        there = places[named].found
        if there is not None and _is_ours(job, there):
            _put_earlier(job, env_name, item, there, rows[named])
        results.append((named, there is None or _is_ours(job, there)))
    return results


def _put_earlier(
    job: Import, env_name: str, item: dynamo.Item, there: dict[str, Any], row: int
) -> None:
    """Replace a record that a later row of this job made, unless an even earlier one did."""
    for _ in range(_TRIES):
        if int(there["made_by"].removeprefix(job.made)) <= row:
            return
        before = {"before": there["made_by"]}
        if dynamo.write([dynamo.put(env_name, item, "made_by = :before", **before)]):
            return
        again = dynamo.get(env_name, (item["pk"]["S"], item["sk"]["S"]))
        if again is None:
            return
        there = again


def _mark_appended(job: Import, order_id: int) -> None:
    """Let an order that was placed otherwise know that there are more rows of it."""
    dynamo.client().update_item(
        TableName=dynamo.table(ORDERS),
        Key=dynamo.key_of((dynamo.home(job.company, order_id), FIRST_PART)),
        UpdateExpression="SET appended = :yes",
        ConditionExpression="attribute_exists(pk)",
        ExpressionAttributeValues=dynamo.to_item({":yes": True}),
    )


def _import_features(
    job: Import,
    entries: list[FeatureEntry],
    done: Stretch,
    pool: ThreadPoolExecutor,
    *,
    dry_run: bool,
) -> None:
    products = {product.id: product for product in job.catalog.values()}
    keys = list(dict.fromkeys(entry.key for entry in entries))
    held = _licenses_of_keys(job, keys, products)
    by_license: dict[int, list[FeatureEntry]] = {}
    for entry in entries:
        licenses = held.get(entry.key, [])
        of = [products[lic.product_id] for lic in licenses]
        faults = feature_faults(entry, of) if licenses else unknown_license(entry)
        if faults:
            done.invalid.append(Bad(entry.record, faults))
            continue
        lic = next(lic for lic in licenses if products[lic.product_id].feature(entry.request.code))
        by_license.setdefault(lic.id, []).append(entry)

    def add(work: tuple[int, list[FeatureEntry]]) -> tuple[int, list[int]]:
        return _add_features(job, *work, products=products, dry_run=dry_run)

    made = done.made.setdefault("features", [])
    for created, ids in bulk.each(pool, add, by_license.items()):
        done.created_features += created
        made += ids
    done.existed_features += sum(map(len, by_license.values())) - done.created_features
    if not dry_run:
        made.clear()


def _licenses_of_keys(
    job: Import, keys: list[str], products: dict[int, Product]
) -> dict[str, list[License]]:
    """The licenses of each key: of a bundle, the bundle's and its members'."""
    ids = {key: record_id(job.company, "license", key) for key in keys}
    found = {lic.id: lic for lic in licenses_by_id(job.company, ids.values())}
    held = {
        key: [found[id]] for key, id in ids.items() if id in found and found[id].license_key == key
    }
    return {
        key: [*licenses, *licenses_by_id(job.company, _member_ids(job, key, licenses[0], products))]
        for key, licenses in held.items()
    }


def _member_ids(job: Import, key: str, bundle: License, products: dict[int, Product]) -> list[int]:
    codes = products[bundle.product_id].bundle_products
    return [record_id(job.company, "license", key, code) for code in codes]


def _add_features(
    job: Import,
    license_id: int,
    entries: list[FeatureEntry],
    *,
    products: dict[int, Product],
    dry_run: bool,
) -> tuple[int, list[int]]:
    """Add features to one license; how many of the rows made one, and ids for a dry run."""
    for attempt in range(_TRIES):
        (lic,) = licenses_by_id(job.company, [license_id])
        grants = {grant.code: grant for grant in lic.product_features}
        created, new = [], []
        for entry in entries:
            code, maker = entry.request.code, job.maker(entry.record.row)
            if code not in grants:
                grant = granted(entry, products[lic.product_id])
                grants[code] = grant.model_copy(update={"made_by": maker})
                new.append(grants[code])
            if grants[code].made_by == maker:
                created.append(record_id(job.company, "granted", license_id, code))
        if dry_run or not new or _put_features(job, lic, [*lic.product_features, *new]):
            return len(created), created
        dynamo.wait(attempt)
    raise Busy


def _put_features(job: Import, lic: License, grants: Sequence[Any]) -> bool:
    """Give a license its features if it still has those that were read."""

    def listed(features: Iterable[Any]) -> list[dict[str, Any]]:
        return [grant.model_dump(exclude_defaults=True) for grant in features]

    condition = (
        "product_features = :before"
        if lic.product_features
        else ("attribute_exists(pk) AND attribute_not_exists(product_features)")
    )
    values: dict[str, Any] = {":after": listed(grants), ":now": job.began}
    if lic.product_features:
        values[":before"] = listed(lic.product_features)
    update = {
        "TableName": dynamo.table(LICENSES),
        "Key": dynamo.key_of((dynamo.home(job.company, lic.id),)),
        "UpdateExpression": "SET product_features = :after, updated_at = :now",
        "ConditionExpression": condition,
        "ExpressionAttributeValues": dynamo.to_item(values),
    }
    return dynamo.write([{"Update": update}])


def _customer_places(
    job: Import, pool: ThreadPoolExecutor, named: Iterable[tuple[int, CustomerRow]]
) -> dict[int, _Place]:
    emails = {id: row.email or "" for id, row in named}
    return _places(
        pool,
        CUSTOMERS,
        emails,
        "email",
        lambda id: customer_key(job.company, id),
        lambda name, n: record_id(job.company, "customer", name, attempt=n),
    )


def _places(
    pool: ThreadPoolExecutor,
    env_name: str,
    named: dict[int, str],
    field: str,
    key: Callable[[int], dynamo.Key],
    next_id: Callable[[str, int], int],
) -> dict[int, _Place]:
    """Where records stand that rows name; on to the next place where another name is at one."""
    places: dict[int, _Place] = {}
    waiting, attempt = dict.fromkeys(named, 0), 0
    while waiting:
        ids = {first: next_id(named[first], attempt) if attempt else first for first in waiting}
        found = _get_all(pool, env_name, [key(id) for id in ids.values()])
        waiting = {}
        for first, id in ids.items():
            item = found.get(key(id))
            if item is not None and named[first] and item.get(field) != named[first]:
                waiting[first] = 0
            else:
                places[first] = _Place(id, item)
        attempt += 1
    return places


def _get_all(
    pool: ThreadPoolExecutor, env_name: str, keys: Sequence[dynamo.Key]
) -> dict[dynamo.Key, dict[str, Any]]:
    found: dict[dynamo.Key, dict[str, Any]] = {}
    work = bulk.batches(dict.fromkeys(keys), 100)
    for part in bulk.each(pool, lambda batch: bulk.get_all(env_name, batch), work):
        found |= part
    return found


def _is_ours(job: Import, item: dict[str, Any]) -> bool:
    return str(item.get("made_by", "")).startswith(job.made)
