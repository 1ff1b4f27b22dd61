"""Migration packs: the exports of other systems are imported as their pages say.

The pages' commands run on the served stage. tests/migrations has what each system gives: the export
or the responses of its API, and the file that the page makes of it.
"""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jq
import pytest

from infra.cli.main import main
from infra.cli.mappings import FOLDER, pack_names, read_pack
from infra.cli.stages import open_client
from infra.stamp import ROOT
from shared.column_mapping import ColumnMapping, mapping_faults
from tests.functions.shop import Shop
from tests.infra.served import Keywright, Served

FILES = ROOT / "tests" / "migrations"
RIVALS = ("cryptlex", "cryptolens", "edd", "gumroad", "keygen", "lemonsqueezy", "woo-lmfwc")
NAMES = (
    *("license_key", "license_type", "product", "validity_period", "valid_duration", "enabled"),
    *("max_activations", "allow_unlimited_activations"),
)
FLOATING = ("is_floating", "is_floating_cloud", "floating_users", "prevent_vm")
ANA, BO = "ana@acme.example", "bo@globex.example"
COUNTS: dict[str, tuple[int, int, int]] = {
    "cryptlex": (4, 0, 0),
    "cryptolens": (3, 0, 0),
    "edd": (4, 0, 0),
    "gumroad": (2, 1, 2),
    "keygen": (3, 0, 0),
    "lemonsqueezy": (3, 0, 0),
    "woo-lmfwc": (3, 0, 1),
}
"""Licenses that are created and that exist, and rows that fail."""
LICENSES: dict[str, list[Any]] = {
    "cryptlex": [
        ("0A2035-…", "time-limited", "sketch", "2027-05-06", None, True, 3, False, ANA),
        ("1B3146-…", "time-limited", "sketch", None, "6m", False, 1, False, None),
        ("2C4257-…", "perpetual", "sketch", None, None, True, 10, False, ANA),
        ("3D5368-…", "perpetual", "sketch", None, None, True, 1, True, None),
    ],
    "cryptolens": [
        ("IZVFQ-…", "time-limited", "sketch", None, "30d", False, 1, False, None),
        ("KTDOU-…", "perpetual", "sketch", None, None, True, 1, True, None),
        ("MUYVD-…", "time-limited", "sketch", "2027-05-01", None, True, 2, False, ANA),
    ],
    "edd": [
        ("00112233…", "perpetual", "render", None, None, False, 5, False, "cy@initech.example"),
        ("0a1b2c3d…", "perpetual", "sketch", None, None, True, 1, True, BO),
        ("9f4d0c6e…", "time-limited", "sketch", "2027-06-30", None, True, 3, False, ANA),
        ("ffeeddcc…", "time-limited", "render", "2024-03-01", None, True, 1, False, ANA),
    ],
    "gumroad": [
        ("0C91F3E2-…", "subscription", "render", "2026-02-01", None, True, 1, False, BO),
        ("85DB562A-…", "perpetual", "sketch", None, None, True, 1, False, ANA),
    ],
    "keygen": [
        ("0D77E1-…", "time-limited", "sketch", "2025-12-31", None, False, 1, False, None),
        ("A94F2C-…", "perpetual", "sketch", None, None, True, 1, True, BO),
        ("C1B6DE-…", "time-limited", "sketch", "2027-06-30", None, True, 3, False, ANA),
    ],
    "lemonsqueezy": [
        ("4e7c8a10-…", "perpetual", "sketch", None, None, True, 1, True, ANA),
        ("80e15db5-…", "time-limited", "sketch", "2027-05-24", None, True, 5, False, ANA),
        ("b2d1f0c9-…", "perpetual", "render", None, None, False, 5, False, BO),
    ],
    "woo-lmfwc": [
        ("LMFWC-0001-…", "time-limited", "sketch", "2027-01-31", None, True, 3, False, None),
        ("LMFWC-0002-…", "perpetual", "sketch", None, None, True, 1, False, None),
        ("LMFWC-0003-…", "perpetual", "sketch", None, None, False, 1, False, None),
    ],
}
"""Key, type, product, end, duration, enabled, limit, unlimited, and the customer's e-mail."""


def page(rival: str) -> str:
    return (FOLDER / f"{rival}.md").read_text(encoding="utf-8")


def commands(rival: str) -> list[str]:
    """The commands of a page, each in one line, except those that speak to the other system."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page(rival), re.DOTALL | re.MULTILINE)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith(("keywright ", "jq -r -s ", "python3 "))]


def run_jq(words: Sequence[str], folder: Path) -> None:
    """Run `jq -r -s … -f PROGRAM FILE > OUT` in a folder."""
    program = out = ""
    arguments: dict[str, Any] = {}
    inputs: list[Any] = []
    rest = iter(words)
    for word in rest:
        match word:
            case "jq" | "-r" | "-s":
                pass
            case "-f":
                program = (FOLDER / next(rest)).read_text(encoding="utf-8")
            case "--arg":
                name = next(rest)
                arguments[name] = next(rest)
            case "--slurpfile":
                name = next(rest)
                arguments[name] = documents(folder / next(rest))
            case ">":
                out = next(rest)
            case file:
                inputs += documents(folder / file)
    lines = jq.compile(program, args=arguments).input_value(inputs).all()
    (folder / out).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def documents(file: Path) -> list[Any]:
    """The JSON texts of a file, one after another."""
    decoder, text, found = json.JSONDecoder(), file.read_text(encoding="utf-8").strip(), []
    while text:
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:].lstrip()
    return found


def shown(shop: Shop) -> list[Any]:
    licenses = shop.get("/licenses/", "limit=100").json()["results"]
    for each in licenses:
        each["product"] = each["product"]["short_code"]
    return [
        (*(each[name] for name in NAMES), (each["customer"] or {}).get("email"))
        for each in sorted(licenses, key=lambda each: each["license_key"])
    ]


def shorten(row: Sequence[Any], like: Sequence[Any]) -> tuple[Any, ...]:
    """The row with its key cut as in the expected one."""
    start = like[0].removesuffix("…")
    return (like[0] if row[0].startswith(start) else row[0], *row[1:])


@pytest.mark.parametrize("rival", RIVALS)
def test_the_page_of_a_system_imports_its_export(
    keywright: Keywright,
    shop: Shop,
    tmp_path: Path,
    rival: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for code in ("sketch", "render"):
        shop.make("/products/", product_name=code, short_code=code)
    for file in FILES.glob(f"{rival}*"):
        if file.name != f"{rival}.csv" or rival in ("gumroad", "woo-lmfwc"):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    created, existed, failed = COUNTS[rival]

    plan: Any = None
    imported: Any = None
    for command in commands(rival):
        words = shlex.split(command, posix=True)
        if words[0] == "jq":
            run_jq(words, tmp_path)
        elif words[0] == "python3":
            with (tmp_path / words[-1]).open("wb") as out:
                script = [sys.executable, str(FOLDER / words[1]), *words[2:-2]]
                subprocess.run(script, stdout=out, check=True)
        elif "--plan" in words:
            plan = keywright.run_json(*words[1:], status=bool(failed))
        else:
            imported = keywright.run_json(*words[1:], status=bool(failed))

    assert (tmp_path / f"{rival}.csv").read_bytes() == (FILES / f"{rival}.csv").read_bytes()
    for job in (plan, imported):
        counts = job["counts"]
        assert counts["created_licenses_count"] == created, job
        assert counts["existed_licenses_count"] == existed
        assert counts["total_row_count"] - counts["valid_row_count"] == failed
        assert counts["warnings"] == 0
    ignored = {header for header, column in read_pack(rival).columns.items() if column is None}
    unknown = set(imported["detected"]["unknown_columns"])
    assert unknown == ignored or (rival == "gumroad" and unknown > ignored)
    warned = [each["code"] for each in imported["detected"]["warnings"]]
    assert warned == (["no_email_column"] if rival == "woo-lmfwc" else [])
    found = shown(shop)
    assert [shorten(*pair) for pair in zip(found, LICENSES[rival], strict=True)] == LICENSES[rival]


def test_the_rest_of_a_row_is_imported_too(
    keywright: Keywright, shop: Shop, tmp_path: Path
) -> None:
    """What the list above has no column for: names, notes, metadata and floating licenses."""
    shop.make("/products/", product_name="Sketch", short_code="sketch")
    for rival, product in (
        ("keygen", "6f0b3a52-9c1d-4f1e-8a55-1f2d3c4b5a60"),
        ("cryptlex", "63dfd63e-ed71-4f84-9236-02ee0ddb062c"),
    ):
        words = ("import", "--kind", "licenses", "--file", FILES / f"{rival}.csv")
        keywright.run(*words, "--mapping", rival, "--product", f"{product}=sketch")

    licenses = {
        each["license_key"][:6]: each
        for each in shop.get("/licenses/", "limit=100").json()["results"]
    }
    assert licenses["C1B6DE"]["metadata"] == {"orderId": "web-4711", "seats": 3}
    assert licenses["C1B6DE"]["note"] == "Studio, upstairs"
    assert licenses["C1B6DE"]["customer"]["last_name"] == "Peña"
    assert licenses["0A2035"]["metadata"] == {"order_id": "web-4711"}
    floating = {key: tuple(each[name] for name in FLOATING) for key, each in licenses.items()}
    assert floating["2C4257"] == (False, True, 10, False)
    assert floating["3D5368"] == (True, False, 25, True)


@pytest.mark.parametrize("rival", RIVALS)
def test_a_page_lists_what_its_pack_imports(rival: str) -> None:
    pack = read_pack(rival)
    rows = re.findall(r"^\| `([^`]+)` \| `(\w+__\w+)`", page(rival), re.MULTILINE)

    assert {header: column for header, column in rows if header != column} == {
        header: column for header, column in pack.columns.items() if column
    }
    assert mapping_faults(pack, "licenses") == []


def test_there_is_a_page_for_each_pack() -> None:
    assert pack_names() == list(RIVALS)
    assert {path.stem for path in FOLDER.glob("*.md")} >= set(RIVALS)


def test_a_saved_mapping_is_used_instead_of_the_pack_of_its_name(
    keywright: Keywright, tmp_path: Path
) -> None:
    file = tmp_path / "a.csv"
    file.write_text("Serial,What\nOLD-1,old\n")
    columns = {"Serial": "license__license_key", "What": "product__short_code"}
    saved = {"kind": "licenses", "columns": columns}
    words = ("import", "--file", file, "--kind", "licenses", "--mapping")
    with open_client("test") as client:
        client.imports.save_mapping("keygen", ColumnMapping.model_validate(saved))

    named = keywright.run_json(*words, "keygen", status=1)
    with_product = keywright.run_json(*words, "keygen", "--product", "old=kp")
    unknown = keywright.run(*words, "keygn", status=2)

    assert (named["mapping_name"], with_product["mapping_name"]) == ("keygen", None)
    assert with_product["counts"]["created_licenses_count"] == 1
    assert "There is no saved mapping keygn, and no pack. Packs: cryptlex, " in unknown


def test_products_need_no_mapping(keywright: Keywright, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("license__license_key,product__short_code\nOLD-1,a=b\nOLD-2,x\n")
    words = ("import", "--file", file, "--kind", "licenses", "--product", "a=b = kp")

    printed = keywright.run(*words, status=1)

    assert "Fix them and import that file with the same --product." in printed
    assert keywright.run_json(*words, "--product", "x=kp")["state"] == "succeeded"


@pytest.mark.parametrize("text", ["kp", "=kp", "a=", ""])
def test_a_product_without_a_name_or_a_code_is_refused(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.csv"
    file.write_text("a\n")

    with pytest.raises(SystemExit):
        main(
            [
                "import",
                "--stage",
                "test",
                "--file",
                str(file),
                "--kind",
                "licenses",
                "--product",
                text,
            ]
        )

    assert "is not NAME=CODE" in capsys.readouterr().err


def test_an_interval_that_is_no_duration_stops_the_conversion(served: Served) -> None:
    program = (FOLDER / "cryptlex.jq").read_text(encoding="utf-8")
    license = {"key": "A", "expiresAt": None, "subscriptionInterval": "P1Y6M"}

    with pytest.raises(ValueError, match="unknown interval: P1Y6M"):
        jq.compile(program).input_value([[license]]).all()
