"""Send published calls to a shop, and compare the answers with the data."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from shared.columns import template
from tests.e2e.clients.calls import Call
from tests.functions.importer import FORM, form, part
from tests.functions.shop import Shop

_NAME = re.compile(r"{(\w+)}")


def records_of(shop: Shop) -> dict[str, Any]:
    """The records that the calls name, in a company with the sample catalog."""
    customer = {"email": "ana@x.test", "reference": "crm-1"}
    lic = shop.order_one("kp", {"validity_period": "2030-12-31"}, id="r-1", customer=customer)
    other = shop.order_one("kp", id="r-3")
    spare = shop.order_one("kp", id="r-4")
    alone = shop.make("/customers/", email="alone@x.test")
    with_user = shop.order_one("up", {"users": [{"email": "user@x.test"}]}, id="r-2")
    found = shop.get("/product-features/", "product=kp&code=credits").json()
    bundles = shop.get("/products/", "short_code=bnd").json()
    bundle = bundles["results"][0]["id"]
    return {
        "license": lic["id"],
        "key": lic["license_key"],
        "other_license": other["id"],
        "spare_license": spare["id"],
        "spare_customer": alone["id"],
        "product": lic["product"]["id"],
        "order": lic["order"],
        "customer": lic["customer"]["id"],
        "email": customer["email"],
        "user_license": with_user["id"],
        "user": with_user["license_users"][0]["id"],
        "user_email": "user@x.test",
        "feature": str(found["results"][0]["id"]),
        "bundle": bundle,
        "member": shop.get(f"/products/{bundle}/bundle/").json()[0]["id"],
    }


def imports_of(shop: Shop) -> dict[str, Any]:
    """Imports of the three published kinds."""
    paths = {
        "licenses": "/licenses/import_from_csv/",
        "license-features": "/licenses/import_features_from_csv/",
        "customers": "/customers/import_from_csv/",
    }
    return {
        f"{kind}_import".replace("-", "_"): _upload(shop, path, kind).json()["job_id"]
        for kind, path in paths.items()
    }


def replayed(shop: Shop, call: Call, records: dict[str, Any]) -> list[str]:
    """The differences between the answer to a call and what its client expects."""
    path, query = call.path.format_map(records), call.query.format_map(records)
    if call.file:
        reply = _upload(shop, path, call.file)
    else:
        body = _filled(call.body, records)
        reply = shop.send(call.method, path, query=query, body=body)
    if reply.status != call.status:
        return [f"{call}: {reply.status} instead of {call.status}: {reply.text[:500]}"]
    if reply.status == HTTPStatus.NO_CONTENT:
        return [f"{call} has a body"] if reply.text else []
    if reply.headers["content-type"].startswith("text/csv"):
        columns = reply.text.removeprefix("\ufeff").splitlines()[0].split(",")
        return [f"{call} has no {name}" for name in call.reads if name not in columns]
    answer = reply.json()
    if not call.is_served:
        return [] if answer["message"] == answer["detail"] else [f"{call}: {reply.text}"]
    return [f"{call} has no {key}" for key in call.reads if not _has(answer, key)]


def _upload(shop: Shop, path: str, kind: str) -> Any:
    headers = {"content-type": FORM}
    return shop.post(path, form(part(template(kind))), headers=headers)


def _filled(body: Any, records: Mapping[str, Any]) -> Any:
    """The body with records for their names; a text that is only a name becomes the record."""
    match body:
        case dict():
            return {
                str(_filled(name, records)): _filled(value, records) for name, value in body.items()
            }
        case list():
            return [_filled(value, records) for value in body]
        case str() if found := _NAME.fullmatch(body):
            return records[found[1]]
    return body


def _has(answer: Any, key: str) -> bool:
    for part_of_key in key.split("."):
        is_index = isinstance(answer, list) and part_of_key.isdecimal()
        if is_index and int(part_of_key) < len(answer):
            answer = answer[int(part_of_key)]
        elif isinstance(answer, dict) and part_of_key in answer:
            answer = answer[part_of_key]
        else:
            return False
    return True
