"""An export that is imported again changes nothing (H2), and a copy exports equally (H3)."""

import random
from collections.abc import Iterator

import pytest

from shared.import_job import ImportJob
from shared.workflows import export_records
from tests.engine import Engine
from tests.functions.exporter import Exporter, Row, rows_of
from tests.functions.import_files import Files, open_files
from tests.functions.shop import Shop, stocked_shop
from tests.functions.test_export_round_trip import random_license, stock

KINDS = ("licenses", "customers", "license-features")
NAMES = ("Ana", "=cmd()", "@home", "two\nlines", "'quoted'", "Jürgen")


@pytest.fixture
def files(shop: Shop, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    """The company acme, with licenses of all types, customers, features and a bundle."""
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "10000000")
    monkeypatch.setattr(export_records, "STEP", 7)
    stock(shop)
    with open_files(shop) as files:
        yield files


def sell_many(shop: Shop, orders: int) -> int:
    """Place orders of random licenses; returns how many."""
    chance = random.Random(17)  # not a secret, a replay
    placed = 0
    for number in range(orders):
        product, license = random_license(chance, number)
        if product == "kp":
            features = ["f1", {"code": "credits", "max_consumption": 7, "max_overages": 3}]
            license["product_features"] = features[: chance.randrange(3)]
        customer = {"email": f"c{number % 9}@x.test", "first_name": chance.choice(NAMES)}
        items = [{"product_code": product, "licenses": [license]}]
        placed += shop.order(id=f"o-{number}", items=items, customer=customer).status == 200
    return placed


def imported(files: Files, text: str, kind: str, **options: str) -> ImportJob:
    """Import the text of an export, as it is in the file."""
    files.run(files.prepared(f"\ufeff{text}", kind, **options))
    return files.last()


def test_an_export_that_is_imported_back_updates_nothing(files: Files) -> None:
    assert sell_many(files.shop, 60) > 30
    exporter = Exporter(files.shop)

    for kind in KINDS:
        text = exporter.exported(kind)
        job = imported(files, text, kind, on_existing="update")

        rows = len(rows_of(text))
        assert job.state == "succeeded", files.errors(job)
        assert made(job, kind) == {"created": 0, "updated": 0, "unchanged": rows}
        assert (rows > 8, job.counts["warnings"]) == (True, 0)
        assert sorted_rows(exporter.exported(kind)) == sorted_rows(text)


def test_a_bundle_that_is_imported_back_is_unchanged(files: Files) -> None:
    """A file can't create the licenses of a bundle, so only H2 holds for them."""
    members = [{"product_code": code, "policy_code": "std"} for code in ("p1", "p2")]
    bundle = {"product_code": "bnd", "key": "BND-1", "licenses": members}
    reply = files.shop.order(is_bundle=True, items=[bundle])
    assert reply.status == 200, reply.text
    text = Exporter(files.shop).exported()

    job = imported(files, text, "licenses", on_existing="update")

    assert len(rows_of(text)) == 3
    assert made(job, "licenses") == {"created": 0, "updated": 0, "unchanged": 3}


def test_a_copy_of_a_company_exports_the_same_rows(files: Files) -> None:
    assert sell_many(files.shop, 60) > 30
    copy = stocked_shop("copy")
    stock(copy)
    ours = {kind: Exporter(files.shop).exported(kind) for kind in KINDS}

    copied = Files(copy, files.inserts, files.patch)
    for kind in ("customers", "licenses", "license-features"):
        job = imported(copied, ours[kind], kind)
        assert job.state == "succeeded", copied.errors(job)

    for kind in KINDS:
        assert sorted_rows(Exporter(copy).exported(kind)) == sorted_rows(ours[kind]), kind


def made(job: ImportJob, kind: str) -> dict[str, int]:
    """What an import has done with the records of its kind."""
    name = kind.replace("-", "_")
    return {
        word: next(n for key, n in job.counts.items() if key.startswith(f"{word}_{name}"))
        for word in ("created", "updated", "unchanged")
    }


def sorted_rows(text: str) -> list[Row]:
    return sorted(rows_of(text), key=lambda row: sorted(row.items()))
