"""`keywright export`, as an operator runs it."""

import csv
import io
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from functions import export_chunk
from tests.engine import Engine
from tests.functions.import_files import Context
from tests.functions.shop import Shop
from tests.infra.served import Keywright

pytestmark = pytest.mark.usefixtures("engine")


@pytest.fixture(autouse=True)
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Run a step of export 1 instead of a wait for it; the numbers of steps that fail."""
    failing: list[int] = []

    def step(_: float) -> None:
        event = {"company": "acme", "number": 1}
        if failing:
            failing.pop()
            named = '{"company":"acme","number":1}'
            event = {"detail": {"name": "acme-1-1", "status": "FAILED", "input": named}}
        with redirect_stdout(io.StringIO()):  # what functions print is not the command's
            export_chunk.handler(event, Context())

    monkeypatch.setattr("infra.client.exports.time.sleep", step)
    monkeypatch.setattr(Context, "left", 900_000)
    return failing


def words(out: Path, *options: str) -> list[str]:
    return ["export", "--kind", "licenses", "--out", str(out), *options]


def keys(path: Path) -> list[str]:
    text = path.read_text("utf-8-sig")
    return [row["license__license_key"] for row in csv.DictReader(io.StringIO(text))]


def test_the_file_is_saved(keywright: Keywright, shop: Shop, tmp_path: Path) -> None:
    shop.order_one(license={"key": "K-1"})
    id = shop.order_one("up", {"users": [{"email": "u@x.test"}]})["id"]
    user = {"license_user_email": "u@x.test"}
    assert shop.post(f"/licenses/{id}/unassign_user/", user).status == 200

    shown = keywright.run(*words(tmp_path / "all.csv"))

    assert keys(tmp_path / "all.csv") == ["K-1"]
    assert "1 row saved" in shown
    assert "1 left out" in shown
    assert [path.name for path in tmp_path.iterdir()] == ["all.csv"]


def test_filters_reach_the_service(keywright: Keywright, shop: Shop, tmp_path: Path) -> None:
    shop.order_one(license={"key": "K-1"}, customer={"email": "ana@x.test"})
    shop.order_one("p1", license={"key": "K-2"}, customer={"email": "ana@x.test"})
    out = tmp_path / "some.csv"
    keywright.out.readouterr()  # what the functions have printed
    options = ("--product", "p1", "--customer", "ana@x.test", "--from", "2026-01-01")

    printed = keywright.run_json(*words(out, *options, "--before", "2100-01-01"))

    assert keys(out) == ["K-2"]
    assert (printed["state"], printed["product"], printed["count"]) == ("succeeded", "p1", 1)


def test_a_failed_export_is_continued(
    keywright: Keywright, shop: Shop, tmp_path: Path, steps: list[int]
) -> None:
    shop.order_one(license={"key": "K-1"})
    steps.append(1)

    failed = keywright.run(*words(tmp_path / "all.csv"), status=2)
    keywright.run(*words(tmp_path / "all.csv", "--resume", "1"))

    assert "--resume 1" in failed
    assert keys(tmp_path / "all.csv") == ["K-1"]


def test_an_unknown_customer_is_an_error(
    keywright: Keywright, shop: Shop, engine: Engine, tmp_path: Path
) -> None:
    shown = keywright.run(*words(tmp_path / "a.csv", "--customer", "no@x.test"), status=2)

    assert "no customer" in shown
    assert engine.operations == []
