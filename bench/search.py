"""Measure the search of the local stack with 100,000 customers: `make bench-search`.

The customers and their entries are in tables of their own, which have no stream: the emulator would
pass on 30 changes per second. The function reads these tables until the end.
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
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import batched

import boto3
import httpx

from infra.cli.stages import Deployment, find_deployment
from shared.access import ORDINARY_SCOPES, new_api_key
from shared.customers import CustomerRequest, new_customer
from shared.search import entries_of, tokens_of
from shared.store import bulk, dynamo
from shared.store.access import add_api_key
from shared.store.customers import TABLE, customer_key
from shared.store.patience import Patience
from shared.store.search_index import OLDEST, write_entries
from shared.store.sender import Sender
from shared.values import record_id

COMPANY = "bench-search"
FIRST = ("Ana", "Ben", "Chen", "Dóra", "Elif", "Finn", "Gül", "Hana", "Ines", "Jörg", "Zoë")
SYLLABLES = [
    consonant + vowel + end
    for consonant in "bdfghjklmnprstvwz"
    for vowel in "aeiou"
    for end in ("", "", "n", "r")
]
KINDS = ("GmbH", "Ltd", "Inc", "AG", "Studio")
QUERIES = 300
COPIED = {"CUSTOMERS_TABLE": "customers", "SEARCH_TABLE": "search"}
"""The tables that the bench has its own of, by the variable with their name."""


def customers(count: int) -> Iterator[CustomerRequest]:
    """Customers with names of some ten thousand words, always the same.

    A few percent of the words begin with the same two letters, as in lists of names.
    """
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
    """Write the customers and their entries."""
    patience, now = Patience(lambda: sys.maxsize, lambda: None), datetime.now(UTC)
    for some in batched(customers(count), 1_000, strict=False):
        records = [
            new_customer(
                record_id(COMPANY, "customer", str(each.email)), each, made_by="b", now=now
            )
            for each in some
        ]
        items = [
            customer.model_dump(exclude_defaults=True, mode="json")
            | dict(zip(("pk", "sk"), customer_key(COMPANY, customer.id), strict=True))
            for customer in records
        ]
        sender = Sender()
        inserts = (bulk.inserts(TABLE, batch) for batch in bulk.batches(items))
        for _ in sender.each(lambda batch: bulk.insert_all(TABLE, batch, patience), inserts):
            pass
        sender.close()
        entries = [
            entry
            for item in items
            for entry in entries_of(
                COMPANY, "customer", item["id"], tokens_of("customer", item), OLDEST
            )
        ]
        write_entries(entries, patience)


@contextmanager
def own_tables(deployment: Deployment) -> Iterator[None]:
    """Have the function, and this process, use empty tables without streams for a while."""
    names = {variable: f"bench-{kind}" for variable, kind in COPIED.items()}
    client = dynamo.client()
    for variable, kind in COPIED.items():
        _delete(names[variable])
        described = client.describe_table(TableName=deployment.tables[kind])["Table"]
        client.create_table(
            TableName=names[variable],
            KeySchema=described["KeySchema"],
            AttributeDefinitions=[
                {"AttributeName": key["AttributeName"], "AttributeType": "S"}
                for key in described["KeySchema"]
            ],
            BillingMode="PAY_PER_REQUEST",
        )
    functions = boto3.client("lambda")
    (name,) = (
        each["FunctionName"]
        for page in functions.get_paginator("list_functions").paginate()
        for each in page["Functions"]
        if each["Handler"] == "functions.records.handler"
    )
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    os.environ |= names
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": before | names}
    )
    try:
        yield
    finally:
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": before}
        )
        for table in names.values():
            _delete(table)


def _delete(table: str) -> None:
    with suppress(dynamo.client().exceptions.ResourceNotFoundException):
        dynamo.client().delete_table(TableName=table)


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
    with (
        own_tables(deployment),
        httpx.Client(
            base_url=f"{deployment.api_url}/api/v1",
            headers={"Authorization": f"Api-Key {presented}"},
            timeout=30,
        ) as api,
    ):
        began = time.perf_counter()
        write(options.customers)
        print(f"Wrote {options.customers:,} customers in {time.perf_counter() - began:.0f} s.")
        print(json.dumps(measure(api, queries(options.customers))))


if __name__ == "__main__":
    main()
