"""Products, with their policies and features, in the table Catalog.

The catalog of a company is one partition: `product#<id>` is a product, `part#<id>` names the
product of a policy or feature, and `guard#<product id>#<n>` has the product's revision. An order
checks one random guard in its transaction. So the product can't change concurrently, and orders for
the same product rarely conflict.
"""

import random
from collections.abc import Iterable
from typing import Any

from shared.catalog import LicensePolicy, Product, ProductFeature
from shared.errors import Refused
from shared.store import dynamo
from shared.values import record_id

TABLE = "CATALOG_TABLE"
_GUARDS = 8


def products_named(company: str, codes: Iterable[str]) -> dict[str, Product]:
    """The products with these short codes that exist, by code."""
    keys = {code: product_key(company, code) for code in codes}
    found = dynamo.get_many((TABLE, key) for key in keys.values())
    return {
        code: Product.model_validate(found[TABLE, key])
        for code, key in keys.items()
        if (TABLE, key) in found
    }


def products_by_id(company: str, ids: Iterable[int]) -> dict[int, Product]:
    """The products with these ids that exist, by id."""
    found = dynamo.get_many((TABLE, (company, f"product#{id}")) for id in ids)
    products = [Product.model_validate(item) for item in found.values()]
    return {product.id: product for product in products}


def get_product(company: str, id: int | str) -> Product | None:
    """A product by its id or its short code."""
    if isinstance(id, str):
        id = record_id(company, "product", id)
    item = dynamo.get(TABLE, (company, f"product#{id}"))
    return Product.model_validate(item) if item else None


def product_with(company: str, part_id: int) -> Product | None:
    """The product that the policy or feature with this id belongs to."""
    part = dynamo.get(TABLE, (company, f"part#{part_id}"))
    return get_product(company, part["product_id"]) if part else None


def all_products(company: str) -> list[Product]:
    """The whole catalog, oldest first."""
    condition = "pk = :company AND begins_with(sk, :product)"
    values = {"company": company, "product": "product#"}
    items = dynamo.query(TABLE, condition, values, consistent=True)
    return sorted(map(Product.model_validate, items), key=lambda p: (p.created_at, p.id))


def catalog_heads(company: str, *names: str) -> list[dict[str, Any]]:
    """The ids and the given attributes of all products, oldest first; one request per MB."""
    condition = "pk = :company AND begins_with(sk, :product)"
    values = {"company": company, "product": "product#"}
    select = ["id", "created_at", *names]
    items = dynamo.query(TABLE, condition, values, consistent=True, select=select)
    return sorted(items, key=lambda item: (item["created_at"], item["id"]))


def put_product(company: str, product: Product) -> bool:
    """Write a new product or the next revision of one. False if it was written concurrently.

    Raises Refused if the product exceeds the size of a record.
    """
    item = dynamo.record_item(product, pk=company, sk=f"product#{product.id}")
    if product.revision == 1:
        put = dynamo.put(TABLE, item, "attribute_not_exists(pk)")
    else:
        put = dynamo.put(TABLE, item, "revision = :before", before=product.revision - 1)
    if dynamo.size_of(put) > dynamo.ITEM_BYTES:
        raise Refused(
            "product_too_large",
            f"Product {product.short_code} with all its parts is more than 390 KB: "
            "shorten their metadata",
        )
    guards = [dynamo.put(TABLE, _guard(company, product, n)) for n in range(_GUARDS)]
    parts = [
        dynamo.put(
            TABLE,
            dynamo.to_item({"pk": company, "sk": f"part#{id}", "product_id": product.id}),
        )
        for id in _newest_parts(product)
    ]
    return dynamo.write([put, *guards, *parts])


def product_key(company: str, code: str) -> tuple[str, str]:
    return company, f"product#{record_id(company, 'product', code)}"


def unchanged(company: str, product: Product) -> dict[str, Any]:
    """The condition check, for a transaction, that `product` has not changed since it was read."""
    n = random.randrange(_GUARDS)  # noqa: S311  # spreads load, no secret is drawn
    key = (company, f"guard#{product.id}#{n}")
    return dynamo.check(TABLE, key, "revision = :revision", revision=product.revision)


def _guard(company: str, product: Product, n: int) -> dynamo.Item:
    sk = f"guard#{product.id}#{n}"
    return dynamo.to_item({"pk": company, "sk": sk, "revision": product.revision})


def _newest_parts(product: Product) -> list[int]:
    """The policies and features that were created with this revision."""
    parts: list[LicensePolicy | ProductFeature] = [*product.policies, *product.features]
    return [part.id for part in parts if part.created_at == product.updated_at]
