"""Send the calls of public applications to a shop, and compare the answers with the data."""

from typing import Any

from tests.e2e.clients.calls import Call
from tests.functions.shop import Shop


def records_of(shop: Shop) -> dict[str, Any]:
    """The records that the calls name, in a company with the sample catalog."""
    customer = {"email": "ana@x.test", "reference": "crm-1"}
    lic = shop.order_one("kp", {"validity_period": "2030-12-31"}, id="r-1", customer=customer)
    with_user = shop.order_one("up", {"users": [{"email": "user@x.test"}]}, id="r-2")
    return {
        "license": lic["id"],
        "key": lic["license_key"],
        "product": lic["product"]["id"],
        "order": lic["order"],
        "customer": lic["customer"]["id"],
        "email": customer["email"],
        "user_license": with_user["id"],
        "user": with_user["license_users"][0]["id"],
        "user_email": "user@x.test",
    }


def replayed(shop: Shop, call: Call, records: dict[str, Any]) -> list[str]:
    """The differences between the answer to a call and what its application expects."""
    path, query = call.path.format_map(records), call.query.format_map(records)
    reply = shop.send(call.method, path, query=query, body=call.body)
    if reply.status != call.status:
        return [f"{call}: {reply.status} instead of {call.status}: {reply.text[:500]}"]
    answer = reply.json()
    if not call.is_served:
        return [] if answer["message"] == answer["detail"] else [f"{call}: {reply.text}"]
    return [f"{call} has no {key}" for key in call.reads if not _has(answer, key)]


def _has(answer: Any, key: str) -> bool:
    for part in key.split("."):
        if isinstance(answer, list) and part.isdecimal() and int(part) < len(answer):
            answer = answer[int(part)]
        elif isinstance(answer, dict) and part in answer:
            answer = answer[part]
        else:
            return False
    return True
