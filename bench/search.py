"""Measure the search of the local stack with 100,000 customers: `make bench-search`.

The customers are written to the table, whose stream leads to the index.
Queries are the beginnings that someone types: of names, companies, e-mail addresses and of two
words, each sent after the response of the previous one.
"""

import argparse
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx

from infra.cli.stages import find_deployment
from shared.access import ORDINARY_SCOPES, new_api_key
from shared.customers import CustomerRequest, new_customer
from shared.store import bulk
from shared.store.access import add_api_key
from shared.store.customers import TABLE, customer_key
from shared.store.patience import Patience
from shared.store.sender import Sender
from shared.values import record_id

COMPANY = "bench-search"
FIRST = ("Ana", "Ben", "Chen", "Dóra", "Elif", "Finn", "Gül", "Hana", "Ines", "Jörg", "Zoë")
SYLLABLES = ("ba", "do", "ka", "lin", "mar", "no", "pe", "ri", "sa", "tor", "ul", "wen", "zi")
KINDS = ("GmbH", "Ltd", "Inc", "AG", "Studio")
QUERIES = 400
PATIENCE_SECONDS = 900


def customers(count: int) -> Iterator[CustomerRequest]:
    """Customers with names of a few thousand words, always the same."""
    choose = random.Random(1)  # noqa: S311  # no secret is drawn
    for n in range(count):
        last = "".join(choose.choices(SYLLABLES, k=choose.choice((2, 3)))).capitalize()
        firm = "".join(choose.choices(SYLLABLES, k=2)).capitalize()
        yield CustomerRequest(
            email=f"{last.lower()}.{n}@{firm.lower()}.example",
            first_name=choose.choice(FIRST),
            last_name=last,
            company_name=f"{firm} {choose.choice(KINDS)}",
        )


def queries(count: int) -> Iterator[str]:
    """Beginnings of what customers have: a whole word, three to six letters, or two words."""
    choose = random.Random(2)  # noqa: S311  # no secret is drawn
    for each in choose.sample([*customers(count)], k=QUERIES):
        last, firm, first = str(each.last_name), str(each.company_name), str(each.first_name)
        text = choose.choice((last, firm, str(each.email), f"{first} {last}", f"{last} {firm}"))
        yield text[: choose.choice((3, 4, 6, len(text), len(text)))]


def write(count: int) -> None:
    """Write the customers; what exists stays."""
    patience, now = Patience(lambda: sys.maxsize, lambda: None), datetime.now(UTC)
    records = (
        new_customer(record_id(COMPANY, "customer", str(each.email)), each, made_by="b", now=now)
        for each in customers(count)
    )
    items = (
        customer.model_dump(exclude_defaults=True, mode="json")
        | dict(zip(("pk", "sk"), customer_key(COMPANY, customer.id), strict=True))
        for customer in records
    )
    sender = Sender()
    inserts = (bulk.inserts(TABLE, some) for some in bulk.batches(items))
    for _ in sender.each(lambda some: bulk.insert_all(TABLE, some, patience), inserts):
        pass
    sender.close()


def wait_for_index(api: httpx.Client, count: int) -> None:
    """Wait until the customers that were written last are found; the stream has an order."""
    *_, last = customers(count)
    for _ in range(PATIENCE_SECONDS // 5):
        reply = api.get("/search/", params={"q": str(last.email)[:-8], "kind": "customer"})
        if reply.is_success and reply.json()["customers"]:
            return
        time.sleep(5)
    raise SystemExit(f"The index is not complete after {PATIENCE_SECONDS} s")


def measure(api: httpx.Client, texts: Iterator[str]) -> dict[str, float]:
    """Milliseconds of searches, and of requests that read nothing, one after the other."""
    times: dict[str, list[float]] = {"search": [], "nothing": []}
    found = 0
    for n, text in enumerate(texts):
        for name, path, query in (
            ("search", "/search/", {"q": text}),
            ("nothing", "/api-key/", {}),
        ):
            began = time.perf_counter()
            reply = api.get(path, params=query)
            if n >= 20:  # the first ones are cold
                times[name].append((time.perf_counter() - began) * 1000)
            reply.raise_for_status()
            if name == "search":
                found += bool(reply.json()["customers"])
    result = {"queries": float(len(times["search"])), "found": float(found)}
    for name, values in times.items():
        cut = statistics.quantiles(values, n=100)
        result |= {f"{name} p50 ms": round(cut[49], 1), f"{name} p95 ms": round(cut[94], 1)}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    options = parser.parse_args()
    deployment = find_deployment("local")
    os.environ |= {f"{name.upper()}_TABLE": table for name, table in deployment.tables.items()}
    key, presented = new_api_key(COMPANY, now=datetime.now(UTC), scopes=ORDINARY_SCOPES)
    add_api_key(key)
    began = time.perf_counter()
    write(options.customers)
    print(f"Wrote {options.customers:,} customers in {time.perf_counter() - began:.0f} s.")
    with httpx.Client(
        base_url=f"{deployment.api_url}/api/v1",
        headers={"Authorization": f"Api-Key {presented}"},
        timeout=30,
    ) as api:
        wait_for_index(api, options.customers)
        print(json.dumps(measure(api, queries(options.customers))))


if __name__ == "__main__":
    main()
