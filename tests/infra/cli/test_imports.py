"""`keywright import`, as an operator runs it."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import httpx
import pytest

from infra.cli.main import main
from infra.cli.stages import open_client
from infra.stamp import ROOT
from shared.column_mapping import ColumnMapping
from tests.infra.cli.workbooks import by_openpyxl
from tests.infra.served import API, Keywright, Served

HEADER = "license__license_key,product__short_code\n"
GOOD, BAD = "OLD-1,kp\n", "OLD-2,none\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path / "old.csv", GOOD, BAD)


def written(path: Path, *rows: str) -> Path:
    path.write_text("".join([HEADER, *rows]))
    return path


def words(file: Path, *options: str) -> list[str]:
    return ["import", "--file", str(file), "--kind", "licenses", *options]


@pytest.mark.parametrize(
    ("rows", "options", "status", "state"),
    [
        ([GOOD], [], 0, "succeeded"),
        ([GOOD, BAD], [], 1, "completed_with_errors"),
        ([GOOD, BAD], ["--on-error", "reject_all"], 1, "rejected"),
        (['"'], [], 2, "failed"),
    ],
)
def test_the_exit_status_tells_how_it_ended(
    keywright: Keywright,
    tmp_path: Path,
    rows: list[str],
    options: list[str],
    status: int,
    state: str,
) -> None:
    file = written(tmp_path / "old.csv", *rows)

    printed = keywright.run_json(*words(file, *options), status=status)

    assert printed["state"] == state


def test_options_reach_the_service(keywright: Keywright, file: Path) -> None:
    options = ("--dry-run", "--on-error", "reject_all", "--encoding", "windows-1252")
    records = ("--on-existing", "update", "--on-missing", "refuse", "--keys", "generate")

    printed = keywright.run_json(*words(file, *options, *records), status=1)

    assert (printed["kind"], printed["file_name"], printed["size"]) == ("licenses", "old.csv", 61)
    assert (printed["dry_run"], printed["on_error"]) == (True, "reject_all")
    assert printed["encoding"] == "windows-1252"
    assert (printed["on_existing"], printed["on_missing"]) == ("update", "refuse")
    assert printed["keys"] == "generate"


def test_a_mapping_from_a_file_says_what_columns_are(keywright: Keywright, tmp_path: Path) -> None:
    file, mapping = tmp_path / "old.csv", tmp_path / "old.json"
    file.write_text("Serial,Expiry\nOLD-1,31.12.2031\nOLD-2,soon\n")
    columns = {"Serial": "license__license_key", "Expiry": "license__validity_period"}
    product = {"product__short_code": "kp"}
    mapping.write_text(json.dumps({"columns": columns, "constants": product, "dates": "dmy"}))

    refused = keywright.run(*words(file), status=2)
    imported = keywright.run_json(*words(file, "--mapping", str(mapping)), status=1)

    assert '{"columns": {"Serial": "license__license_key"' in refused
    assert (imported["state"], imported["dates"]) == ("completed_with_errors", "dmy")
    assert imported["mapping_url"].endswith(f"/imports/{imported['id']}/mapping/")
    assert imported["suggested_dates"] is None
    assert file.with_suffix(".failed.csv").read_text("utf-8-sig").startswith("Serial,Expiry,_row")
    again = keywright.run(*words(file, "--mapping", str(mapping)), status=1)
    assert "import that file with the same --mapping" in again


def test_a_saved_mapping_is_used_by_its_name(keywright: Keywright, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_text("Serial\nOLD-1\n")
    body = {
        "kind": "licenses",
        "columns": {"Serial": "license__license_key"},
        "constants": {"product__short_code": "kp"},
    }
    with open_client("test") as client:
        client.imports.save_mapping("old-shop", ColumnMapping.model_validate(body))

    imported = keywright.run_json(*words(file, "--mapping", "old-shop"))

    assert (imported["state"], imported["mapping_name"]) == ("succeeded", "old-shop")
    assert "old-shopp" in keywright.run(*words(file, "--mapping", "old-shopp"), status=2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a mapping"),
        ('{"columns": {"A": 1}}', "columns.A must be a string"),
        ('{"colums": {}}', "colums is not a known field"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(
    file: Path, tmp_path: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mapping = tmp_path / "old.json"
    mapping.write_text(text)

    with pytest.raises(SystemExit):
        main(words(file, "--mapping", str(mapping)))

    assert message in capsys.readouterr().err.replace("\n", " ")


def test_updated_records_are_counted_where_an_import_updates(
    keywright: Keywright, tmp_path: Path
) -> None:
    file = written(tmp_path / "old.csv", GOOD)

    kept = keywright.run(*words(file))
    updated = keywright.run(*words(file, "--on-existing", "update"))

    assert "Licenses unchanged" not in kept
    assert "Licenses updated" in updated
    assert "Licenses unchanged" in updated


def test_rows_that_failed_are_shown_and_kept_to_be_corrected(
    keywright: Keywright, file: Path
) -> None:
    shown = keywright.run(*words(file), status=1)

    kept = file.with_suffix(".failed.csv").read_text("utf-8-sig")
    assert "there is no product none" in shown
    assert "OLD-2,none" in kept
    assert "OLD-1" not in kept
    assert "old.failed.csv" in shown


def test_failed_rows_that_lie_in_s3_are_fetched_from_there(
    keywright: Keywright, served: Served, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.job_status._MOST_INLINE", 0)

    keywright.run(*words(file), status=1)

    assert "OLD-2,none" in file.with_suffix(".failed.csv").read_text("utf-8-sig")
    assert served.requests[-2].url.host != API


def test_a_refused_file_is_reported_with_its_line(keywright: Keywright, tmp_path: Path) -> None:
    file = written(tmp_path / "old.csv", GOOD, '"OLD-2')

    shown = keywright.run(*words(file), status=2)

    assert shown.count("ine 3") == 1
    assert "unbalanced_quote" in shown
    assert "Rows" not in shown, "a table of nothing but zeros"


@pytest.mark.parametrize(
    ("data", "option"),
    [
        (b"OLD-1,k\xfcp\nOLD-2,k\xc3\xbcp\n", "--encoding windows-1252"),
        (b"OLD-1,k\x81p\n", None),
        (b"", "--unknown-columns ignore"),
    ],
)
def test_a_refusal_names_the_option_that_helps_and_no_other(
    keywright: Keywright, tmp_path: Path, data: bytes, option: str | None
) -> None:
    file = tmp_path / "old.csv"
    file.write_bytes(HEADER[:-1].encode() + (b"" if data else b",Max Activations") + b"\n" + data)

    shown = keywright.run(*words(file), status=2)

    assert ("Option of keywright import:" in shown) == (option is not None)
    if option:
        assert f"Option of keywright import: {option}\n" in shown
        more = ["--json", *option.split()]
        assert keywright.run(*words(file), *more, status=1 if data else 0)


@pytest.mark.parametrize(("encoding", "shown"), [("auto", None), ("utf-8", "utf-8")])
def test_the_encoding_is_detected_unless_one_is_named(
    keywright: Keywright, file: Path, encoding: str, shown: str | None
) -> None:
    printed = keywright.run_json(*words(file, "--encoding", encoding), status=1)

    assert printed["encoding"] == shown


@pytest.mark.parametrize(
    ("cells", "suggested", "shown"),
    [
        (("31.12.2031", "01.02.2031"), "dmy", "import the file with --dates dmy"),
        (("12/31/2031", "2031-12-31"), "mdy", "import the file with --dates mdy"),
        (("01.02.2031",), None, "--dates dmy reads the day first, --dates mdy the month first"),
    ],
)
def test_an_order_of_dates_is_suggested_and_never_applied(
    keywright: Keywright, tmp_path: Path, cells: tuple[str, ...], suggested: str | None, shown: str
) -> None:
    file = tmp_path / "old.csv"
    rows = "".join(f"OLD-{at},kp,{cell}\n" for at, cell in enumerate(cells))
    file.write_text(f"{HEADER[:-1]},license__validity_period\n{rows}")

    printed = keywright.run(*words(file), status=1)
    refused = keywright.run_json(*words(file), status=1)
    imported = keywright.run_json(*words(file, "--dates", suggested or "dmy"))

    assert shown in " ".join(printed.split())
    assert (refused["dates"], refused["suggested_dates"]) == ("iso", suggested)
    assert (imported["state"], imported["suggested_dates"]) == ("succeeded", None)


def test_a_file_without_dates_of_another_order_has_no_suggestion(
    keywright: Keywright, file: Path
) -> None:
    assert "--dates" not in keywright.run(*words(file), status=1)


def test_the_encoding_in_use_is_shown(keywright: Keywright, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_bytes(HEADER[:-1].encode() + b",license__note\nOLD-1,kp,J\xfcrgen\n")

    assert "Encoding: windows-1252 (detected)" in keywright.run(*words(file))
    shown = keywright.run(*words(file, "--encoding", "windows-1252"))
    assert "Encoding: windows-1252 (as requested)" in shown


def test_a_workbook_is_converted_and_its_failed_rows_are_kept_next_to_it(
    keywright: Keywright, tmp_path: Path
) -> None:
    path = tmp_path / "kunden.xlsx"
    rows = [HEADER.strip().split(","), ["XL-1", "kp"], ["XL-2", "none"]]
    path.write_bytes(by_openpyxl(rows))

    printed = keywright.run_json(*words(path), status=1)

    assert (printed["file_name"], printed["counts"]["valid_row_count"]) == ("kunden.csv", 1)
    assert "XL-2" in (tmp_path / "kunden.failed.csv").read_text("utf-8-sig")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("kunden.xlsx", (), "The workbook can't be read"),
        ("kunden.xls", (), "old Excel workbook"),
        ("old.csv", ("--sheet", "A"), "--sheet needs an Excel workbook"),
    ],
)
def test_a_workbook_that_can_not_be_converted_starts_no_import(
    keywright: Keywright,
    served: Served,
    tmp_path: Path,
    name: str,
    options: tuple[str, ...],
    message: str,
) -> None:
    path = tmp_path / name
    path.write_bytes(b"\xd0\xcf\x11\xe0" if name.endswith(".xls") else b"key\n")

    assert message in keywright.run(*words(path, *options), status=2)
    assert not served.requests


def test_a_warning_about_the_file_is_shown(keywright: Keywright, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_bytes(HEADER[:-1].encode() + b",license__note\nOLD-1,kp,J\xfcrgen\n")

    shown = keywright.run(*words(file))

    assert "it is read as Windows-1252" in shown.replace("\n", " ")
    assert "encoding_assumed" in shown


def test_a_program_gets_json_and_nothing_else(keywright: Keywright, file: Path) -> None:
    printed = keywright.run_json(*words(file), status=1)

    assert printed["counts"]["created_licenses_count"] == 1
    assert printed["failed_file"] == str(file.with_suffix(".failed.csv"))


def test_a_file_that_is_in_leaves_none_behind(keywright: Keywright, tmp_path: Path) -> None:
    file = written(tmp_path / "old.csv", GOOD)

    printed = keywright.run_json(*words(file))

    assert printed["failed_file"] is None
    assert not file.with_suffix(".failed.csv").exists()


def test_an_error_of_the_api_is_shown_with_its_message(
    keywright: Keywright, served: Served, file: Path
) -> None:
    body = {"message": "No scope", "code": "permission_denied", "errors": []}
    served.instead = [httpx.Response(403, json=body)]

    printed = keywright.run(*words(file), status=2)

    assert printed.endswith("\nkeywright: No scope (permission_denied)\n")


def test_a_stage_on_aws_wants_a_key(
    keywright: Keywright, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KEYWRIGHT_API_KEY")

    assert "KEYWRIGHT_API_KEY" in keywright.run(*words(file), status=2)


def test_a_file_that_is_not_there_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main([*words(tmp_path / "none.csv"), "--stage", "test"])

    assert left.value.code == 2
    assert "file not found" in capsys.readouterr().err


def test_make_import_passes_its_variables_on() -> None:
    """The options of the command, of which most are left out by default."""
    given = ("MAPPING=old shop.json", "DATES=dmy", "ON_ERROR=reject_all", "DRY_RUN=1")

    alone, all_given = (made("FILE=a.csv", "KIND=licenses", *more) for more in ((), given))

    assert alone == ["import", "--stage", "local", "--file", "a.csv", "--kind", "licenses"]
    assert all_given[len(alone) :] == [
        *("--dry-run", "--on-error", "reject_all"),
        *("--mapping", "old shop.json", "--dates", "dmy"),
    ]


def made(*variables: str) -> list[str]:
    """The words of the command that `make import` would run."""
    make = ["make", "--dry-run", "import", *variables]
    done = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True)
    (command,) = re.findall(r"bin/keywright (.*?)\|\|", done.stdout.replace("\\\n", " "), re.DOTALL)
    return shlex.split(command)
