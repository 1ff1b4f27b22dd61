"""Check the promises about orders of docs/reliability.md after faults have stopped."""

import base64
import hashlib
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import orjson

from shared.orders import OrderRequest
from tests.faults.check_lists import check_lists
from tests.faults.dynamodb import Item
from tests.faults.history import CUSTOMERS, ORDERS, Sent, Watch, licenses_of, rows_of
from tests.faults.laboratory import COMPANIES, Laboratory
from tests.faults.world import Actor, World

_OF_TODAY = ("status", "has_active_licenses")
_PASSING = frozenset({*_OF_TODAY, "new_passwords", "initial_password"})
_OWN_ROW = ("order_id_exists", "license_key_exists", "idempotency_key_reused", "order_in_progress")
_KEY = re.compile(r"\b[2-9A-HJ-NP-Z]{4}(?:-[2-9A-HJ-NP-Z]{4}){3}\b")


def check_orders(
    world: World, watch: Watch, sent: list[Sent], crowd: Iterable[Actor], lab: Laboratory
) -> list[str]:
    """Return all violations; an empty list means that every promise holds."""
    violations = list(watch.violations)
    for actor in crowd:
        watch.check_reads(actor)
    violations += watch.violations[len(violations) :]
    for company in COMPANIES:
        violations += stored(world, company, unfinished=set())
        violations += check_lists(world, company)
    violations += _answered(world, sent, lab)
    violations += _refused(watch, sent)
    violations += _same(sent)
    violations += _pending(sent)
    violations += _silent(lab, sent)
    return violations


def stored(world: World, company: str, unfinished: set[str]) -> Iterator[str]:
    """O3 O4 O5 of the records in the tables."""
    rows: dict[str, list[Item]] = defaultdict(list)
    listed: dict[str, set[str]] = defaultdict(set)
    deleted: set[tuple[str, str]] = set()
    for row in rows_of(world, ORDERS, company):
        if row["sk"]["S"].startswith(("pending#", "plan#")):
            yield f"O5 {row['pk']['S']} has {row['sk']['S']} left, after the sweeper ran"
            continue
        if "deleted_at" in row:
            deleted.add((row["pk"]["S"], row["sk"]["S"]))
            continue
        rows[row["pk"]["S"]].append(row)
        for item in row.get("items", {"L": []})["L"]:
            listed[row["pk"]["S"]] |= {each["N"] for each in item["M"]["license_ids"]["L"]}
    named, owners = defaultdict(set), defaultdict(set)
    for lic in licenses_of(world, company):
        home = f"{company}#{lic['order_id']['N']}"
        named[home].add(lic["id"]["N"])
        if "license_key" in lic:
            owners[lic["license_key"]["S"]].add((home, lic["order_item_id"]["N"]))
        if "made_by" not in lic and not any(row["sk"]["S"] == "order" for row in rows[home]):
            yield f"O5 license {lic['id']['N']} names order {home}, which does not exist"
    for home in (rows.keys() | named.keys()) - unfinished:
        if listed[home] != named[home]:
            yield f"O4 order {home} lists {sorted(listed[home])}, named by {sorted(named[home])}"
    for key, owner in owners.items():
        if len(owner) > 1:
            yield f"O3 license key {key} has the owners {sorted(owner)}"
    yield from _people(world, company, rows, deleted)


def _people(
    world: World, company: str, rows: dict[str, list[Item]], deleted: set[tuple[str, str]]
) -> Iterator[str]:
    """O5 O7: customers and users have an existing order, and all that orders name exist."""
    people = {
        row["sk"]["S"]: row for row in rows_of(world, CUSTOMERS, company) if "deleted_at" not in row
    }
    for row in people.values():
        made_by = row.get("made_by", {"S": ""})["S"]
        if not made_by.startswith("order "):
            continue
        _, order_id, part = made_by.split(" ")
        made = [each for each in rows[f"{company}#{order_id}"] if each["sk"]["S"] == part]
        if (f"{company}#{order_id}", part) in deleted:
            continue
        if not made:
            yield f"O5 {row['sk']['S']} is of {made_by}, which does not exist"
        elif row["sk"]["S"].startswith("user#"):
            if row["email"]["S"] not in _request(made[0]).users:
                yield f"O7 {row['sk']['S']} is of {made_by}, which does not name it"
        elif made[0].get("customer_id") != row["id"]:
            yield f"O7 {row['sk']['S']} is of {made_by}, which has another customer"
    for order in (row for held in rows.values() for row in held):
        if "customer_id" in order and f"customer#{order['customer_id']['N']}" not in people:
            yield f"O4 order {order['pk']['S']} names a customer that does not exist"
    for lic in licenses_of(world, company):
        for ref in lic.get("license_users", {"L": []})["L"]:
            if f"user#{ref['M']['user_id']['N']}" not in people:
                yield f"O4 license {lic['id']['N']} names a missing user: {ref['M']}"


def _answered(world: World, sent: list[Sent], lab: Laboratory) -> Iterator[str]:
    """O1: every acknowledged order can be read, as it was acknowledged, on every route."""
    orders: dict[tuple[str, int], dict[int, Any]] = {}
    for each in sent:
        if not each.is_placed:
            continue
        answer, place = each.json, (each.company, each.json["id"])
        if place not in orders:
            read_it = partial(lab.shops[each.company].get, f"/orders/{place[1]}/")
            read = world.alone("auditor", read_it).result
            if read.status != 200:
                yield f"O1 {each.identity} was acknowledged, and is {read.status}"
                orders[place] = {}
                continue
            orders[place] = dict(_licenses(read.json()))
        shown = dict(_licenses(answer))
        for id in (lic["id"] for lic in answer["order_licenses"]):
            lic = shown.get(id, "missing in its own answer")
            for change in _changes(lic, orders[place].get(id)):
                yield f"O1 license {id} of {each.identity}: {change}"
        yield from _passwords(world, each)


def _passwords(world: World, sent: Sent) -> Iterator[str]:
    """O1: an initial password that was shown is the valid one."""
    users = {
        row["email"]["S"]: row
        for row in rows_of(world, CUSTOMERS, sent.company)
        if row["sk"]["S"].startswith("user#")
    }
    for shown in sent.json["new_passwords"]:
        user = users.get(shown["email"])
        salted = user and f"{user['salt']['S']}{shown['new_password']}".encode()
        if not user or hashlib.sha256(salted or b"").hexdigest() != user["password_hash"]["S"]:
            yield f"O1 the password of {shown['email']} in {sent.identity} is not valid"


def _refused(watch: Watch, sent: list[Sent]) -> Iterator[str]:
    """O6 O7: a retry with the same body never fails, with another body always."""
    for each in sent:
        pk, part = _row_of(each, watch)
        commit = watch.commits.get((pk, part)) if pk else None
        if commit is None or "fingerprint" not in commit.item:
            if each.is_placed and not (each.appends and each.key is None):
                yield f"O1 {each.identity} was acknowledged, and has no row"
            continue
        equal = commit.item["fingerprint"]["S"] == each.fingerprint
        if each.is_placed and not equal:
            yield f"O7 {each.identity} got 200 for a body that is not the order's"
        looked = each.actor.reads.get((ORDERS, (pk, part)), 0)
        seen = commit.at < each.actor.began or (commit.at <= looked and each.code in _OWN_ROW)
        own = commit.actor is each.actor
        if equal and 400 <= each.status < 500 and (seen or own):
            yield f"O6 {each.identity} got {each.status} {each.code} for its own order"


def _row_of(sent: Sent, watch: Watch) -> tuple[str, str]:
    """Return the keys of the row that a request committed; empty strings if there is none."""
    appended = "append#" + hashlib.sha256((sent.key or "").encode()).hexdigest()[:32]
    for (pk, part), commit in watch.commits.items():
        store_id = commit.item["store_id"]["S"]
        keyed = commit.item.get("idempotency_key", {}).get("S") == sent.key is not None
        if not pk.startswith(f"{sent.company}#"):
            continue
        if "id" not in sent.body and keyed and store_id.startswith("order-"):
            return pk, part
        if store_id != sent.body.get("id"):
            continue
        if (part == appended or keyed) if sent.appends else part == "order":
            return pk, part
    return "", ""


def _same(sent: list[Sent]) -> Iterator[str]:
    """O2: the same request gets the same response, except passwords and dates relative to today."""
    answers: dict[Any, Any] = {}
    for each in sent:
        if not each.is_placed or not each.is_repeatable:
            continue
        answer = _lasting(each.json) if not each.appends else each.json["license_keys"]
        first = answers.setdefault(each.identity, answer)
        for change in _changes(first, answer):
            yield f"O2 {each.identity} had two responses: {change}"


def _pending(sent: list[Sent]) -> Iterator[str]:
    """O9: without faults, the first response is final, unless another order is pending."""
    last: dict[Any, Sent] = {}
    for each in sent:
        last[(*each.identity, str(each.body))] = each
    for each in last.values():
        if each.is_repeatable and (not each.is_known or each.code == "order_in_progress"):
            yield f"O9 {each.identity} still has no final response: {each.status} {each.code}"


def _silent(lab: Laboratory, sent: list[Sent]) -> Iterator[str]:
    """O11: logs, metrics and error messages contain no secret."""
    words = [lab.printed.getvalue()]
    for each in sent:
        if each.status >= 400:
            problem = each.json
            faults = [fault["message"] for fault in problem["errors"]]
            words += [problem["message"], problem["detail"], *faults]
        if each.actor.error is not None:
            words.append(repr(each.actor.error))
    text = "\n".join(words)
    secrets = {shop.key for shop in lab.shops.values()} | {"KEY-1", "KEY-2"}
    for each in sent:
        if each.is_placed:
            secrets |= {shown["new_password"] for shown in each.json["new_passwords"]}
            secrets |= set(each.json["license_keys"])
    yield from (f"O11 {secret} was logged" for secret in secrets if secret in text)
    yield from (f"O11 {found} looks like a license key" for found in _KEY.findall(text))


def _licenses(order: Any) -> Iterator[tuple[int, Any]]:
    for item in order["order_items"]:
        for lic in item["licenses"]:
            yield lic["id"], _lasting(lic)


def _lasting(shown: Any) -> Any:
    """Return a view without the fields that change by themselves."""
    if isinstance(shown, dict):
        return {name: _lasting(part) for name, part in shown.items() if name not in _PASSING}
    return [_lasting(part) for part in shown] if isinstance(shown, list) else shown


def _changes(before: Any, after: Any, at: str = "") -> Iterator[str]:
    """Return the differences between two views."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in before.keys() | after.keys():
            yield from _changes(before.get(name), after.get(name), f"{at}/{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, pair in enumerate(zip(before, after, strict=True)):
            yield from _changes(*pair, f"{at}/{number}")
    else:
        yield f"{at} {before!r} and {after!r}"


def _request(row: Item) -> OrderRequest:
    """Return the body that created a row of an order."""
    held: Any = row["body"]["B"]
    return OrderRequest.model_validate(orjson.loads(zlib.decompress(base64.b64decode(held))))
