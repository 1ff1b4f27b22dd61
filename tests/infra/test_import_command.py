"""`keywright import`, as an operator runs it, against an API that answers as ours does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.ops import imports
from infra.ops.main import main

type Out = pytest.CaptureFixture[str]

COUNTS = {"total_row_count": 2, "valid_row_count": 1, "created_licenses_count": 1}
FAILED = b"key,_row,_codes,_messages\nx,2,unknown_product,no\n"


class Service:
    """What the API and S3 were asked, and the states that the import goes through."""

    def __init__(self, *states: str, refusal: Any = None, redirect: bool = False) -> None:
        self.states, self.refusal, self.redirect = list(states), refusal, redirect
        self.stumbles = 0
        self.asked: dict[str, Any] = {}
        self.sent = b""
        self.keys: dict[str, str | None] = {}

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.keys[f"{request.url.host}{path}"] = request.headers.get("Authorization")
        if request.url.host == "s3.test":
            if request.method == "POST":
                self.sent = request.read()
                return httpx.Response(204)
            return httpx.Response(200, content=FAILED)
        if path.endswith("/errors/"):
            fault = {"column": "c", "value": "v", "code": "x", "message": "is wrong"}
            return httpx.Response(200, json={"results": [{"row": 2, "line": 3, "errors": [fault]}]})
        if path.endswith("/failed.csv"):
            if self.redirect:
                return httpx.Response(307, headers={"Location": "https://s3.test/link"})
            return httpx.Response(200, content=FAILED)
        if request.method == "POST":
            self.asked = json.loads(request.read())
            form = {"method": "POST", "url": "https://s3.test/", "fields": {"key": "k"}}
            return httpx.Response(202, json=self.view("awaiting_upload") | {"upload": form})
        if self.stumbles:
            self.stumbles -= 1
            return httpx.Response(503, json={"message": "busy", "code": "unavailable"})
        return httpx.Response(200, json=self.view(self.states.pop(0)))

    def view(self, state: str) -> dict[str, Any]:
        failed = state in ("completed_with_errors", "rejected")
        return {
            "id": 7,
            "state": state,
            "file_name": "l.csv",
            "dry_run": False,
            "progress": {"rows_done": 1, "rows_total": 2},
            "counts": COUNTS,
            "refusal": self.refusal,
            "failed_rows_url": "https://api.test/f" if failed else None,
        }


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[[Service], Service]:
    def use(service: Service) -> Service:
        transport = httpx.MockTransport(service.answer)
        base = "https://api.test/api/v1"
        headers = {"Authorization": "Api-Key k"}

        def open_api(stage: str) -> httpx.Client:
            return httpx.Client(transport=transport, base_url=base, headers=headers)

        other = httpx.Client(transport=transport)
        monkeypatch.setattr(imports, "open_api", open_api)
        monkeypatch.setattr(httpx, "post", other.post)
        monkeypatch.setattr(httpx, "stream", other.stream)
        monkeypatch.setattr(imports, "_SECONDS_BETWEEN", 0)
        return service

    return use


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "l.csv"
    path.write_bytes(b"key\na\nx\n")
    return path


def run(file: Path, *options: str) -> int:
    return main(["import", "--stage", "test", "--file", str(file), "--kind", "licenses", *options])


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("succeeded", 0),
        ("completed_with_errors", 1),
        ("rejected", 1),
        ("failed", 2),
        ("cancelled", 2),
    ],
)
def test_the_exit_status_tells_how_it_ended(
    serve: Callable[[Service], Service], file: Path, state: str, status: int
) -> None:
    serve(Service("queued", "running", state))

    assert run(file) == status


def test_the_file_goes_to_s3_as_it_is_and_the_api_key_does_not(
    serve: Callable[[Service], Service], file: Path
) -> None:
    service = serve(Service("completed_with_errors", redirect=True))

    run(file, "--dry-run", "--on-error", "reject_all", "--encoding", "windows-1252")

    assert service.asked == {
        "kind": "licenses",
        "file_name": "l.csv",
        "size": 8,
        "dry_run": True,
        "on_error": "reject_all",
        "encoding": "windows-1252",
    }
    assert b"key\na\nx\n" in service.sent
    assert service.keys["s3.test/"] is None
    assert service.keys["s3.test/link"] is None


@pytest.mark.parametrize("redirect", [False, True])
def test_rows_that_failed_are_shown_and_kept_to_be_corrected(
    serve: Callable[[Service], Service], file: Path, capsys: Out, *, redirect: bool
) -> None:
    serve(Service("completed_with_errors", redirect=redirect))

    run(file)

    assert file.with_suffix(".failed.csv").read_bytes() == FAILED
    assert "is wrong" in capsys.readouterr().out


def test_a_refused_file_is_told_with_its_line(
    serve: Callable[[Service], Service], file: Path, capsys: Out
) -> None:
    refusal = {"code": "unbalanced_quote", "message": "A quote is not closed", "line": 9}
    serve(Service("failed", refusal=refusal))

    run(file)

    shown = capsys.readouterr().out
    assert "A quote is not closed (line 9) unbalanced_quote" in shown


def test_an_api_that_stumbles_is_asked_again(
    serve: Callable[[Service], Service], file: Path
) -> None:
    service = Service("succeeded")
    service.stumbles = 3
    serve(service)

    assert run(file) == 0


def test_a_program_gets_json_and_nothing_else(
    serve: Callable[[Service], Service], file: Path, capsys: Out
) -> None:
    serve(Service("completed_with_errors"))

    assert run(file, "--json") == 1

    told = json.loads(capsys.readouterr().out)
    assert told["counts"] == COUNTS
    assert told["failed_file"] == str(file.with_suffix(".failed.csv"))


def test_a_refusal_of_the_api_is_told_in_its_own_words(
    monkeypatch: pytest.MonkeyPatch, file: Path, capsys: Out
) -> None:
    body = {"message": "No scope", "code": "permission_denied", "errors": []}
    transport = httpx.MockTransport(lambda _: httpx.Response(403, json=body))
    client = httpx.Client(transport=transport, base_url="https://api.test")
    monkeypatch.setattr(imports, "open_api", lambda _: client)

    assert run(file) == 2

    assert capsys.readouterr().err == "keywright: No scope (permission_denied)\n"


@pytest.mark.usefixtures("tables")
def test_a_stage_on_aws_wants_a_key(
    monkeypatch: pytest.MonkeyPatch, file: Path, capsys: Out
) -> None:
    monkeypatch.delenv("KEYWRIGHT_API_KEY", raising=False)
    monkeypatch.setattr(imports, "stack_outputs", lambda _: {"ApiUrl": "https://api.test"})

    assert run(file) == 1

    assert "KEYWRIGHT_API_KEY" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_refused(tmp_path: Path, capsys: Out) -> None:
    with pytest.raises(SystemExit) as left:
        run(tmp_path / "none.csv")

    assert left.value.code == 2
    assert "there is no file" in capsys.readouterr().err
