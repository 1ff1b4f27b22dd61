"""`keywright keys`, as an operator runs it."""

import json
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.cli import stages
from infra.cli.main import main
from infra.stamp import ROOT
from shared.access import check
from shared.store.access import get_api_key
from shared.store.dynamo import table
from tests.infra.served import deploy
from tests.moto_tables import table_names

Out = pytest.CaptureFixture[str]


@pytest.fixture
def stage(tables: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """A stage on AWS whose stack tells where its keys are."""
    monkeypatch.setenv("ACCESS_TABLE", table("ACCESS_TABLE"))
    deploy()
    return "test"


def made(stage: str, out: Out, *options: str) -> dict[str, object]:
    """A key made by the command."""
    assert main(["keys", "create", "--stage", stage, "--json", *options]) == 0
    printed: dict[str, object] = json.loads(out.readouterr().out)
    return printed


def test_a_new_key_opens_its_company(stage: str, capsys: Out) -> None:
    printed = made(stage, capsys, "--company", "acme", "--name", "shop")

    prefix, secret = str(printed["api_key"]).split(".")
    key = get_api_key(prefix)

    assert key is not None
    assert check(key, secret, now=datetime.now(UTC)).company == "acme"
    scopes = ["catalog:write", "imports:undo", "imports:write", "orders:write", "records:read"]
    assert printed["scopes"] == scopes
    assert (printed["name"], printed["expires_at"]) == ("shop", None)


def test_scopes_and_expiry_are_as_requested(stage: str, capsys: Out) -> None:
    printed = made(
        stage, capsys, "--company", "a", "--scopes", "records:read,keys:admin", "--expires", "90d"
    )

    key = get_api_key(str(printed["prefix"]))

    assert key is not None
    assert key.scopes == {"records:read", "keys:admin"}
    assert key.expires_at == key.created_at + timedelta(days=90)


def test_a_person_reads_the_whole_header_once(stage: str, capsys: Out) -> None:
    main(["keys", "create", "--stage", stage, "--company", "acme", "--name", "[bold]shop"])
    shown = capsys.readouterr().out
    main(["keys", "list", "--stage", stage])
    listed = capsys.readouterr().out

    header = next(line for line in shown.splitlines() if "Authorization: Api-Key " in line)
    prefix, secret = header.split()[-1].split(".")

    assert len(secret) >= 32
    assert prefix in listed
    assert secret not in listed


def test_the_list_of_keys_cuts_nothing_off_at_80_columns(
    stage: str, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    company = "a-company-whose-name-is-as-long-as-it-is"
    printed = made(stage, capsys, "--company", company, "--name", "webshop", "--expires", "90d")

    main(["keys", "list", "--stage", stage])

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    rows = [[cell.strip() for cell in line.split("│")] for line in lines if line.startswith("│")]
    columns = {title: "".join(cells) for title, *cells in zip(*rows, strict=True)}
    assert columns["Company"] == company
    assert columns["Name"] == "webshop"
    assert columns["Scopes"] == "catalog:writeimports:undoimports:writeorders:writerecords:read"
    assert columns["Expires (UTC)"] == str(printed["expires_at"])[:16].replace("T", " ")


def test_the_list_can_be_of_one_company(stage: str, capsys: Out) -> None:
    made(stage, capsys, "--company", "acme")
    other = made(stage, capsys, "--company", "other")

    main(["keys", "list", "--stage", stage, "--company", "other", "--json"])

    (printed,) = json.loads(capsys.readouterr().out)
    assert (printed["prefix"], printed["state"]) == (other["prefix"], "live")
    assert "hash" not in printed


@pytest.mark.parametrize("whole", [False, True])
def test_a_key_is_revoked_by_its_prefix_or_its_whole_text(
    stage: str, capsys: Out, *, whole: bool
) -> None:
    printed = made(stage, capsys, "--company", "acme")

    code = main(
        ["keys", "revoke", "--stage", stage, str(printed["api_key" if whole else "prefix"])]
    )

    key = get_api_key(str(printed["prefix"]))
    assert code == 0
    assert key is not None
    assert key.revoked_at is not None
    assert str(printed["api_key"]) not in capsys.readouterr().out


def rotated(stage: str, out: Out, printed: dict[str, object], *options: str) -> dict[str, object]:
    """The key that took the other's place."""
    assert (
        main(["keys", "rotate", str(printed["prefix"]), "--stage", stage, "--json", *options]) == 0
    )
    answer: dict[str, object] = json.loads(out.readouterr().out)
    return answer


def test_a_rotated_key_has_a_successor_like_it_and_lives_on_for_a_while(
    stage: str, capsys: Out
) -> None:
    options = ("--company", "acme", "--name", "shop", "--scopes", "records:read")
    printed = made(stage, capsys, *options, "--expires", "90d")

    successor = rotated(stage, capsys, printed, "--overlap", "12h")

    old, new = get_api_key(str(printed["prefix"])), get_api_key(str(successor["prefix"]))
    assert old is not None
    assert new is not None
    assert (new.company, new.name) == ("acme", "shop")
    assert new.scopes == {"records:read"}
    assert new.expires_at == new.created_at + timedelta(days=90)
    assert old.expires_at == new.created_at + timedelta(hours=12)
    assert check(old, str(printed["api_key"]).split(".")[1], now=new.created_at) == old
    assert check(new, str(successor["api_key"]).split(".")[1], now=new.created_at) == new


def test_a_rotation_never_lengthens_a_life(stage: str, capsys: Out) -> None:
    printed = made(stage, capsys, "--company", "acme", "--expires", "1h")

    rotated(stage, capsys, printed)

    old = get_api_key(str(printed["prefix"]))
    assert old is not None
    assert old.expires_at == old.created_at + timedelta(hours=1)


def test_a_key_that_has_ended_is_not_rotated(stage: str, capsys: Out) -> None:
    printed = made(stage, capsys, "--company", "acme")
    main(["keys", "revoke", "--stage", stage, str(printed["prefix"])])

    assert main(["keys", "rotate", "--stage", stage, str(printed["prefix"])]) == 2

    assert "is revoked: create a new key" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["revoke", "rotate"])
def test_an_unknown_key_is_one_line_and_status_2(stage: str, capsys: Out, verb: str) -> None:
    assert main(["keys", verb, "--stage", stage, "nobodyss"]) == 2

    assert capsys.readouterr().err == "keywright: There is no API key nobodyss.\n"


@pytest.mark.usefixtures("tables")
def test_a_stage_that_is_not_deployed_is_named(capsys: Out) -> None:
    assert main(["keys", "list", "--stage", "nowhere"]) == 2

    assert "Keywright-nowhere" in capsys.readouterr().err


@pytest.mark.usefixtures("tables")
def test_the_local_stage_is_found_by_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    monkeypatch.setattr(stages, "LOCAL_STACK", tmp_path / "stack.json")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "")
    monkeypatch.setenv("ACCESS_TABLE", "")
    stack = {
        "api_url": "http://localhost:4566",
        "api_key": "",
        "aws_endpoint_url": "",
        "region": "us-east-1",
        "uploads_bucket": "uploads",
        "tables": {"access": table_names()["ACCESS_TABLE"]},
    }

    missing = main(["keys", "list", "--stage", "local"])
    (tmp_path / "stack.json").write_text(json.dumps(stack))
    found = main(["keys", "list", "--stage", "local"])

    printed = capsys.readouterr()
    assert (missing, found) == (2, 0)
    assert "make up" in printed.err
    assert "No keys." in printed.out


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--company", "Acme"),
        ("--scopes", "orders:eat"),
        ("--scopes", ","),
        ("--expires", "soon"),
        ("--expires", "0d"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_made(
    option: str, value: str, capsys: Out
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["keys", "create", "--stage", "test", "--company", "acme", option, value])

    assert left.value.code == 2
    assert option in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["keys"], ["jobs"], ["orders"], ["catalog"]])
def test_a_command_without_a_verb_is_its_help(words: list[str], capsys: Out) -> None:
    assert main(words) == 0

    printed = capsys.readouterr()
    assert printed.out.startswith(f"usage: {' '.join(['keywright', *words])} ")
    assert ("SUBCOMMAND" if words else "COMMAND") in printed.out
    assert printed.err == ""


def test_the_version_is_that_of_the_package(capsys: Out) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])

    assert left.value.code == 0
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert capsys.readouterr().out == f"keywright {project['version']}\n"


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("region", ["", "us-east-1"], ids=["no region", "a region"])
def test_an_unknown_stage_is_refused_with_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: Out, region: str
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.setenv(name, region) if region else monkeypatch.delenv(name, raising=False)

    assert main(["jobs", "list", "--stage", "lokal"]) == 2

    printed = capsys.readouterr().err
    assert "unknown stage 'lokal'" in printed
    assert "dev, local, prod" in printed
    assert "Did you mean local?" in printed
    assert len(printed.splitlines()) == 1


def test_a_known_stage_without_a_region_says_where_to_set_it(
    monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)

    assert main(["jobs", "list", "--stage", "dev"]) == 2

    assert "set AWS_REGION" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["keys"], ["keys", "create"]])
def test_help_is_there_at_every_step(words: list[str], capsys: Out) -> None:
    with pytest.raises(SystemExit) as left:
        main([*words, "--help"])

    assert left.value.code == 0
    assert "usage: keywright" in capsys.readouterr().out
