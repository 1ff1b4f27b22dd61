"""`keywright migrate` reads one company's records, as of LicenseSpring, for another company."""

import csv
import json
import random
import re
import shlex
from functools import partial
from pathlib import Path

import httpx
import pytest

from infra.cli import migrate
from infra.cli.main import main
from infra.cli.mappings import FOLDER
from infra.client.connection import Connection
from shared.columns import LICENSE_COLUMNS
from tests.functions.shop import Shop, stocked_shop
from tests.functions.test_export_round_trip import random_license, stock
from tests.infra.served import API, Keywright, Served

URL = f"https://{API}"
FILES = ("customers.csv", "licenses.csv", "license-features.csv")
NAMES = ("Ana", "=cmd()", "two\nlines", "Jürgen")

type Answer = httpx.Response | Exception | None
"""What to do with a request: None lets the service answer."""


class Faulty(httpx.BaseTransport):
    """The service behind a network that answers requests itself, by their number from 1."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.faults: dict[int, Answer] = {}
        self.always: Exception | None = None
        """What every request after the last of `faults` ends with."""
        self.asked: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.url.path} {request.url.query.decode()}")
        fault = self.faults.get(len(self.asked))
        if fault is None and self.always and len(self.asked) > max(self.faults, default=0):
            fault = self.always
        if isinstance(fault, Exception):
            raise fault
        return fault or self.served.handle_request(request)


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def service(
    served: Served, shop: Shop, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> Faulty:
    """The company acme as the service that records are read from, five a page."""
    faulty = Faulty(served)
    opened = partial(Connection, transport=faulty, pause=pauses.append)
    monkeypatch.setattr(migrate, "Connection", opened)
    monkeypatch.setattr(migrate, "LIMIT", 5)
    monkeypatch.setenv(migrate.KEY_VARIABLE, shop.key)
    return faulty


def migrated(out: Path, *, status: int = 0) -> None:
    words = ["migrate", "--from", "licensespring", "--url", URL, "--out", str(out), "--json"]
    assert main(words) == status


def rows(file: Path) -> list[tuple[str, ...]]:
    with file.open(encoding="utf-8", newline="") as text:
        return sorted(tuple(row) for row in csv.reader(text))


def sell(shop: Shop, orders: int) -> int:
    """Place orders of random licenses, with features and customers; return how many."""
    chance = random.Random(5)  # not a secret, a replay
    stock(shop)
    placed = 0
    for number in range(orders):
        product, license = random_license(chance, number)
        if product == "kp":
            features = ["f1", {"code": "credits", "max_consumption": 7, "max_overages": 3}]
            license["product_features"] = features[: chance.randrange(3)]
        customer = {"email": f"c{number % 9}@x.test", "first_name": chance.choice(NAMES)}
        more = {"language": "es"} if number % 2 else {"is_test": True}
        if number % 7 == 0:
            customer = {"reference": f"crm-{number}", "last_name": "Peña"}
        items = [{"product_code": product, "licenses": [license]}]
        placed += shop.order(id=f"o-{number}", items=items, customer=customer, **more).status == 200
    shop.make("/customers/", email="nobody@x.test", city="Bern")
    return placed


def test_what_is_read_imported_and_read_again_is_equal(
    keywright: Keywright,
    service: Faulty,
    shop: Shop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    placed = sell(shop, 20)
    first, second = tmp_path / "a", tmp_path / "b"
    migrated(first)
    counts = json.loads(capsys.readouterr().out.splitlines()[-1])
    copy = stocked_shop("copy")
    stock(copy)
    monkeypatch.setenv("KEYWRIGHT_API_KEY", copy.key)
    for kind in ("customers", "licenses", "license-features"):
        job = keywright.run_json("import", "--kind", kind, "--file", first / f"{kind}.csv")
        assert (job["state"], job["counts"]["warnings"]) == ("succeeded", 0)

    monkeypatch.setenv(migrate.KEY_VARIABLE, copy.key)
    migrated(second)

    assert counts["licenses"] == placed > 8
    assert counts["license-features"] > 2
    assert counts["customers"] > 7
    for file in FILES:
        assert rows(second / file) == rows(first / file)
    assert first.stat().st_mode & 0o077 == 0


def test_the_commands_of_the_page_import_all_records(
    keywright: Keywright,
    service: Faulty,
    shop: Shop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    placed = sell(shop, 8)
    copy = stocked_shop("copy")
    stock(copy)
    monkeypatch.setenv("KEYWRIGHT_API_KEY", copy.key)
    monkeypatch.chdir(tmp_path)
    page = (FOLDER / "licensespring.md").read_text(encoding="utf-8")
    lines = "".join(re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)).splitlines()
    export, *commands = map(shlex.split, lines)
    here = {"prod": "test", "https://saas.licensespring.com": URL}

    assert export[0] == "export"
    assert export[1].startswith(f"{migrate.KEY_VARIABLE}=")
    for name, *words in commands:
        assert name == "keywright"
        assert main([here.get(word, word) for word in words]) == 0, words
    assert len(commands) == 5

    for kind in ("licenses", "orders", "customers"):
        theirs, ours = (of.get(f"/{kind}/", "limit=100").json()["count"] for of in (shop, copy))
        assert ours == theirs >= placed > 4


def test_a_busy_service_is_waited_for_and_a_broken_one_asked_again(
    service: Faulty, shop: Shop, tmp_path: Path, pauses: list[float]
) -> None:
    for number in range(7):
        shop.order_one(id=f"o-{number}", license={"key": f"K-{number}"})
    busy = httpx.Response(429, headers={"Retry-After": "60"}, json={"detail": "Slow down"})
    broken = httpx.Response(502, text="<html>")
    service.faults = {3: busy, 4: broken, 6: httpx.ReadTimeout("lost"), 9: busy}

    migrated(tmp_path / "a")

    assert len(rows(tmp_path / "a" / "licenses.csv")) == 1 + 7
    assert pauses.count(60) == 2
    assert len(pauses) == 4


def test_an_interrupted_migration_continues_with_the_missing_page(
    service: Faulty, shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(12):
        shop.order_one(id=f"o-{number}", license={"key": f"K-{number}"})
    service.faults, service.always = {6: None}, httpx.ConnectError("no route")

    migrated(tmp_path / "a", status=2)

    assert "no route" in capsys.readouterr().err
    assert not (tmp_path / "a" / "licenses.csv").exists()
    answered = service.asked[:6]
    service.asked, service.faults, service.always = [], {}, None
    migrated(tmp_path / "a")
    assert not set(answered) & set(service.asked)
    assert len(rows(tmp_path / "a" / "licenses.csv")) == 1 + 12
    service.asked = []
    migrated(tmp_path / "a")
    assert service.asked == []


def test_what_a_file_can_not_bring_is_listed(
    service: Faulty, shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.order_one("up", {"users": [{"email": "u@x.test"}]}, id="by-user")
    members = [{"product_code": code, "policy_code": "std"} for code in ("p1", "p2")]
    items = [{"product_code": "bnd", "key": "BND-1", "licenses": members}]
    assert shop.order(id="bundle", is_bundle=True, items=items).status == 200
    gone = shop.order_one(id="empty", license={"key": "GONE"})
    assert shop.delete(f"/licenses/{gone['id']}/").status == 204
    shop.order_one(id="sound", license={"key": "K-1"})
    words = ["migrate", "--from", "licensespring", "--url", URL, "--out", str(tmp_path / "a")]

    assert main([*words, "--stage", "prod"]) == 1

    reasons = {row[2]: row[3] for row in rows(tmp_path / "a" / "not-imported.csv")}
    assert reasons == {"name": "reason", "empty": "has no licenses"}
    users = LICENSE_COLUMNS.index("license__users")
    bundle, product = map(LICENSE_COLUMNS.index, ("license__bundle_key", "product__short_code"))
    licenses = [
        (row[0], row[users], row[bundle], row[product])
        for row in rows(tmp_path / "a" / "licenses.csv")
    ]
    assert licenses == [
        ("", "u@x.test", "", "up"),
        *(("BND-1", "", "BND-1", code) for code in ("bnd", "p1", "p2")),
        ("K-1", "", "", "kp"),
        (LICENSE_COLUMNS[0], "license__users", "license__bundle_key", "product__short_code"),
    ]
    printed = capsys.readouterr().out
    assert f"keywright import --stage prod --kind licenses --file {tmp_path / 'a'}" in printed
    assert "--kind license-features" not in printed


def test_records_that_disappear_while_they_are_read_are_noticed(
    service: Faulty, shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = {"count": 7, "next": None, "results": [{"id": 1, "short_code": "kp"}]}
    service.faults = {1: httpx.Response(200, json=page)}

    migrated(tmp_path / "a", status=2)

    assert "1 of 7 products were read" in capsys.readouterr().err


def test_the_key_is_sent_to_no_other_address(service: Faulty, shop: Shop, tmp_path: Path) -> None:
    page = {
        "count": 6,
        "next": "https://evil.test/api/v1/products/?limit=5&offset=5",
        "results": [{"id": id, "short_code": f"p{id}"} for id in range(5)],
    }
    service.faults = {1: httpx.Response(200, json=page)}

    migrated(tmp_path / "a")

    assert {request.url.host for request in service.served.requests} == {API}
    assert service.asked[1] == "/api/v1/products/ limit=5&offset=5"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (httpx.Response(403, json={"detail": "Invalid API key"}), "Invalid API key"),
        (httpx.Response(200, json=[]), "is not a list"),
        (httpx.Response(200, json={"results": [{}]}), "is not a list"),
        (
            httpx.Response(200, json={"results": [], "next": f"{URL}/?limit=5"}),
            "names itself as the next page",
        ),
    ],
)
def test_another_service_is_refused(
    service: Faulty,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    answer: httpx.Response,
    message: str,
) -> None:
    service.faults = {1: answer, 2: answer}

    migrated(tmp_path / "a", status=2)

    assert message in capsys.readouterr().err


def test_a_folder_belongs_to_one_service(
    service: Faulty, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    migrated(tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine.txt").touch()
    words = ["migrate", "--from", "licensespring", "--url"]

    assert main([*words, "https://other.test", "--out", str(tmp_path / "a")]) == 2
    assert f"has the records of {URL}" in capsys.readouterr().err
    assert main([*words, URL, "--out", str(tmp_path / "b")]) == 2
    assert "has other files" in capsys.readouterr().err


def test_a_key_and_a_safe_address_are_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(migrate.KEY_VARIABLE, raising=False)

    assert main(["migrate", "--from", "licensespring"]) == 2
    assert "Set LICENSESPRING_API_KEY" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["migrate", "--from", "licensespring", "--url", "http://saas.licensespring.com"])
    assert "is not the address of a service" in capsys.readouterr().err
