"""A company with more records than a response holds, written directly into the tables.

One order of 30,000 licenses that a file brought, 21 orders of 1,000, 100 of one license from a
file, 2,400 customers of 3 KB from a file, notes of 3 KB, products of 330 KB, 100 imports with a
faulty row of 240 KB, and one with 100 batches of one such row each.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import batched, count
from types import SimpleNamespace
from typing import Any

import orjson

from shared.catalog import FeatureGrant, Product, ProductFeature
from shared.column_mapping import ColumnMapping, pinned
from shared.customers import Customer
from shared.events import Actor, Event
from shared.export_job import ExportJob
from shared.import_counts import BatchResult
from shared.import_job import ImportJob
from shared.licenses import License
from shared.orders import FIRST_PART, Order, OrderItem
from shared.row_results import RowResults
from shared.store import dynamo, uploads
from shared.store.catalog import get_product
from shared.store.customers import add_customer, customer_key
from shared.store.events import event_item
from shared.store.export_jobs import add_export
from shared.store.import_mappings import pin_mapping
from shared.store.license_index import PageRow, listed_row, pages
from shared.store.newest_first import PAGE, page_item, page_of
from shared.store.order_index import index_keys, order_page
from shared.values import record_id
from shared.workflows.import_results import results_name
from tests.batch_results import put_batch_result
from tests.functions.big_tables import BigTable, Item, big_tables
from tests.functions.shop import Shop, stocked_shop

COMPANY = "acme"
NOTE = "許可証は一年ごとに更新されます。" * 62
BATCH = 5_000
FEATURED, FEATURED_LICENSES = "featured", 200
BIG, LARGE, LARGE_ORDERS, SMALL_ORDERS = 30_000, 1_000, 21, 100
CUSTOMERS = 2_400
EVENTS = 12_000
CELL = 'Zażółć "gęślą" jaźń, ' * 10_000
_MARK = "f" * 64
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class BigCompany:
    """Who asks, and the ids of what is there."""

    shop: Shop
    customer: int
    big: int
    large: int
    featured: int
    """The order whose licenses have 300 KB of features each, as they are shown."""
    license: int
    product: int
    bundle: int
    member: int
    """A product of the bundle."""
    policy: int
    feature: int
    batches: int
    """The import with 100 batches of one faulty row each."""
    failed: int
    """An import with one faulty row."""
    export: int
    """An export that has a file."""


@contextmanager
def open_big_company() -> Iterator[BigCompany]:
    """Everything, in an empty store."""
    shop = stocked_shop(COMPANY)
    product = get_product(COMPANY, "kp")
    assert product is not None
    customer = Customer(
        id=record_id(COMPANY, "customer", "ana@x.test"),
        email="ana@x.test",
        address=NOTE,
        created_at=NOW,
        updated_at=NOW,
    )
    assert add_customer(COMPANY, customer)
    _import_customers()
    featured = _featured_product(shop)
    makes = _Orders(customer.id, product, featured)
    big = makes.imported("big", BIG)
    large = [makes.placed(f"large-{n}", LARGE) for n in range(LARGE_ORDERS)]
    for n in range(SMALL_ORDERS):
        makes.imported(f"small-{n}", 1)
    features = makes.imported(f"{FEATURED}-0", FEATURED_LICENSES)
    bundle = _large_products(shop)
    failed = [_import(n, batches=1) for n in range(1, 101)]
    batches = _import(101, batches=100)
    tables = {
        "ORDERS_TABLE": makes.orders_table(),
        "LICENSES_TABLE": makes.licenses_table(),
        "EVENTS_TABLE": _events_table(),
    }
    with big_tables({dynamo.table(name): table for name, table in tables.items()}):
        yield BigCompany(
            shop=shop,
            customer=customer.id,
            big=big,
            large=large[0],
            featured=features,
            license=next(iter(makes.licenses)),
            product=product.id,
            bundle=bundle,
            member=record_id(COMPANY, "product", "large-1"),
            policy=product.policies[0].id,
            feature=product.features[0].id,
            batches=batches,
            failed=failed[0],
            export=_exports(),
        )


def _exports() -> int:
    """100 exports that have ended; the number of one."""
    for number in range(1, 101):
        now = datetime.now(UTC)
        times = {"created_at": now, "finished_at": now, "heartbeat_at": now}
        job = ExportJob(
            number=number,
            company=COMPANY,
            kind="licenses",
            state="succeeded",
            external_id=f"{number}-{'x' * 200}",
            requested_by="Zx8Kq2Lm",
            **times,
        )
        assert add_export(job, fingerprint="f")
    return 1


def _events_table() -> BigTable:
    """More events than a list counts, of two types."""
    table = BigTable(("pk", "sk"), lambda _: None, {None: ("pk", "sk"), "by_type": ("typed", "sk")})
    now = datetime.now(UTC)
    for n in range(EVENTS):
        event = Event(
            id=f"{n:032}",
            type="license.updated" if n % 100 else "order.created",
            time=now - timedelta(minutes=n),
            company=COMPANY,
            actor=Actor(kind="api_key", prefix="Ab3dEf9h", name="a key with a name" * 5),
            data={"license_id": 2**52, "order_id": 2**52, "url": f"https://api.test/{'x' * 60}"},
        )
        for index in (None, "by_type"):
            table.add(index, event_item(event))
    table.sort()
    return table


class _Orders:
    """Rows of orders as they are written, and who has which license."""

    def __init__(self, customer: int, product: Product, featured: Product) -> None:
        self.customer = customer
        self._products = product, featured
        self.rows: list[Item] = []
        self.licenses: dict[int, tuple[int, str]] = {}
        self._ids = count(10**15)
        self._placed = (NOW + timedelta(minutes=n) for n in count())
        self._imports = 0

    def placed(self, store_id: str, licenses: int) -> int:
        id, at = record_id(COMPANY, "order", store_id), next(self._placed)
        order = self._row(id, FIRST_PART, store_id, licenses, at)
        product_id = self._product(store_id).id
        issued = [SimpleNamespace(id=each, product_id=product_id) for each in order.license_ids]
        listed = listed_row(COMPANY, order, issued, issued_at=at, late=False)  # type: ignore[arg-type]  # as far as it looks
        self.rows[-1] |= dynamo.to_item(listed.row)
        return id

    def imported(self, store_id: str, licenses: int) -> int:
        """As imports of 5,000 rows write it: the first one on a page, and a row of each other."""
        id, at = record_id(COMPANY, "order", store_id), next(self._placed)
        for first in range(0, licenses, BATCH):
            self._imports += 1
            part = f"rows#{self._imports}#0000000001#{self.customer}" if first else FIRST_PART
            added = max(0, licenses - BATCH) if not first else 0
            count = min(BATCH, licenses - first)
            row = self._row(id, part, store_id, count, at, added=added, is_imported=True)
            product_id = self._product(store_id).id
            made = (PageRow(n, product_id, each) for n, each in enumerate(row.license_ids, 1))
            for page in pages(COMPANY, self._imports, at, 1, made):
                self.rows.append(page_item(page))
            if not first:
                self.rows.append(
                    page_item(order_page(COMPANY, self._imports, at, 1, [id], listed=True))
                )
        return id

    def _row(
        self,
        id: int,
        part: str,
        store_id: str,
        licenses: int,
        at: datetime,
        *,
        added: int = 0,
        is_imported: bool = False,
    ) -> Order:
        ids = [next(self._ids) for _ in range(licenses)]
        self.licenses |= dict.fromkeys(ids, (id, store_id))
        product = self._product(store_id)
        item = OrderItem(
            id=id,
            product_id=product.id,
            product_code=product.short_code,
            license_ids=tuple(ids),
        )
        order = Order(
            id=id,
            part=part,
            store_id=store_id,
            items=(item,),
            customer_id=self.customer,
            fingerprint=_MARK,
            metadata={"note": NOTE},
            created_at=at,
            updated_at=at,
            added=added,
        )
        keys: dict[str, Any] = {"pk": dynamo.partition(COMPANY, id), "sk": part}
        keys |= index_keys(COMPANY, id, part, licenses=licenses, at=at, customer_id=self.customer)
        if is_imported:
            del keys["listed"]
        self.rows.append(dynamo.record_item(order, **keys))
        return order

    def _product(self, store_id: str) -> Product:
        return self._products[store_id.startswith(FEATURED)]

    def _unsettled(self, id: int) -> str | None:
        """What the licenses of an order too large for one transaction carry."""
        order_id, store_id = self.licenses[id]
        return f"{order_id}/{FIRST_PART}/{_MARK}" if store_id.startswith("large") else None

    def orders_table(self) -> BigTable:
        rows: dict[tuple[str, ...], Item] = {
            (row["pk"]["S"], row["sk"]["S"]): row for row in self.rows
        }
        names = {
            None: ("pk", "sk"),
            "by_created": ("listed", "created"),
            "by_customer": ("customer_orders", "created"),
            "by_product": ("sold", "created"),
        }
        table = BigTable(("pk", "sk"), rows.get, names)
        held = {"by_product": {"pk", "sk", "sold_n", "unsettled"}}
        for row in self.rows:
            table.add(None, row)
            for index, keys in names.items():
                if index and row.keys() >= set(keys):
                    names_held = held.get(index, {"pk", "sk", "n"}) | set(keys)
                    table.add(index, {name: row[name] for name in names_held & row.keys()})
        table.sort()
        return table

    def licenses_table(self) -> BigTable:
        """Licenses are made when they are read; they share what they have in common."""
        shared = {product.id: self._shared(product) for product in self._products}

        def item(key: tuple[str, ...]) -> Item | None:
            id = int(key[0].rpartition("#")[2])
            if id not in self.licenses:
                return None
            order_id, store_id = self.licenses[id]
            own = {"id": id, "license_key": f"KEY-{id}", "order_id": order_id}
            named = {"pk": key[0], "order_store_id": store_id, "unsettled": self._unsettled(id)}
            return shared[self._product(store_id).id] | dynamo.to_item(own | named)

        return BigTable(("pk",), item, {})

    def _shared(self, product: Product) -> Item:
        """What all licenses of a product have in common."""
        lic = License(
            id=1,
            license_key="K-0",
            license_type="perpetual",
            product_id=product.id,
            product_code=product.short_code,
            policy_id=1,
            policy_code="std",
            order_id=1,
            order_item_id=1,
            order_store_id="x",
            customer_id=self.customer,
            product_features=tuple(FeatureGrant(code=each.code) for each in product.features),
            note=NOTE,
            created_at=NOW,
            updated_at=NOW,
        )
        return dynamo.record_item(lic)


def _featured_product(shop: Shop) -> Product:
    """A product of 20 features with 15 KB each, all of them in each of its 20 policies."""
    shop.make("/products/", product_name="Featured", short_code=FEATURED)
    product = get_product(COMPANY, FEATURED)
    assert product is not None
    features = tuple(
        ProductFeature(
            id=record_id(COMPANY, "feature", FEATURED, n),
            code=f"f{n}",
            name=f"F{n}",
            metadata={"note": "x" * 15_000},
            created_at=NOW,
            updated_at=NOW,
        )
        for n in range(20)
    )
    grants = tuple(FeatureGrant(code=feature.code) for feature in features)
    policies = tuple(
        product.policies[0].model_copy(
            update={
                "id": record_id(COMPANY, "policy", FEATURED, n),
                "code": f"p{n}",
                "license_product_feature_templates": grants,
            }
        )
        for n in range(20)
    )
    product = product.model_copy(update={"features": features, "policies": policies})
    _put("CATALOG_TABLE", dynamo.record_item(product, pk=COMPANY, sk=f"product#{product.id}"))
    return product


def _large_products(shop: Shop) -> int:
    """Twenty products of 330 KB each, and a bundle of them; all but two are copies."""
    fields = [{"note": "x" * 16_000} for _ in range(20)]
    codes = [f"large-{n}" for n in range(20)]
    shop.make("/products/", product_name="Large", short_code=codes[0], custom_fields=fields)
    first = get_product(COMPANY, codes[0])
    assert first is not None
    for code in codes[1:]:
        copy = first.model_copy(
            update={"id": record_id(COMPANY, "product", code), "short_code": code}
        )
        _put("CATALOG_TABLE", dynamo.record_item(copy, pk=COMPANY, sk=f"product#{copy.id}"))
    bundle = {"is_bundle": True, "bundle_products": codes}
    made = shop.make("/products/", product_name="All", short_code="all", **bundle)
    return int(made["id"])


def _import_customers() -> None:
    """Customers of 3 KB each, as an import of them writes them: more than a file holds."""
    ids = [record_id(COMPANY, "customer", f"c{n}@x.test") for n in range(CUSTOMERS)]
    for start in range(0, CUSTOMERS, PAGE):
        page = page_of(COMPANY, 102, NOW, start + 1, ids[start : start + PAGE])
        _put("CUSTOMERS_TABLE", dynamo.to_item(page))
    puts: list[Any] = []
    for n, id in enumerate(ids):
        customer = Customer(
            id=id, email=f"c{n}@x.test", address=NOTE, created_at=NOW, updated_at=NOW
        )
        pk, sk = customer_key(COMPANY, id)
        puts.append({"PutRequest": {"Item": dynamo.record_item(customer, pk=pk, sk=sk)}})
    for some in batched(puts, 25, strict=False):
        dynamo.client().batch_write_item(RequestItems={dynamo.table("CUSTOMERS_TABLE"): list(some)})


def _import(number: int, *, batches: int) -> int:
    """An import that has ended, of which each batch has one faulty row of 240 KB."""
    names = ("customers", "orders", "licenses")
    made = {f"{did}_{name}_count": 0 for did in ("created", "existed") for name in names}
    counts = {"total_row_count": BATCH * batches, "valid_row_count": (BATCH - 1) * batches}
    job = ImportJob(
        number=number,
        company=COMPANY,
        kind="licenses",
        state="completed_with_errors",
        file_name="a.csv",
        bucket="uploads",
        key=f"{COMPANY}/licenses/job-{number}/a.csv",
        version_id="v1",
        rows=BATCH * batches,
        counts=counts | made,
        failed_report="failed",
        created_at=NOW,
        heartbeat_at=NOW,
    )
    large = ColumnMapping(columns={"x" * 60_000: None})
    job = pin_mapping(job, pinned(large))
    item = dynamo.record_item(job, pk=COMPANY, sk=f"job#{number:010}", token="-")
    _put("IMPORTS_TABLE", item)
    rows = [_faulty(batch * BATCH + 1) for batch in range(batches)]
    for batch, row in enumerate(rows):
        report = f"chunk-{batch}.json"
        uploads.put_result(job, report, orjson.dumps({"invalid": [row]}))
        rows_of_batch = RowResults.of(batch, [batch])
        rows_of_batch.updated({batch: {"metadata": ({}, {"a": CELL})}})
        uploads.put_result(job, f"rows-{batch}.json", rows_of_batch.stored())
        result = BatchResult(
            index=batch,
            report=report,
            rows=BATCH,
            valid=BATCH - 1,
            invalid=1,
            row_report=f"rows-{batch}.json",
            updated_rows=1,
        )
        put_batch_result(COMPANY, number, result)
    uploads.put_result(job, "failed.json", orjson.dumps(rows[:100]))
    if number == 1:
        uploads.put_result(job, "failed.rows", b"code,_row\r\n" + CELL.encode() * 12)
        uploads.put_result(job, results_name(job), b"code,_row\r\n" + CELL.encode() * 12)
    return number


def _put(env_name: str, item: Item) -> None:
    dynamo.client().put_item(TableName=dynamo.table(env_name), Item=item)


def _faulty(row: int) -> dict[str, Any]:
    fault = {"column": "license__note", "field": "note", "code": "too_long", "message": "is long"}
    return {
        "row": row,
        "line": row + 1,
        "errors": [fault | {"value": CELL[:200]}],
        "data": {"license__note": CELL, "license__license_key": f"K-{row}"},
    }
