"""The client's uploads to S3: only a confirmed upload counts as sent."""

import io
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.client import uploads as client_uploads
from infra.client.client import ApiProblem, Client
from infra.client.connection import MAX_ATTEMPTS, LinkRefused
from infra.client.uploads import Links
from shared.contract.imports import ImportView, StartedImport
from shared.store import links, uploads
from tests.infra.served import Served

ROWS = b"email\n" + b"".join(b"c%d@parts.test\n" % n for n in range(4))
COMPLETED = "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>"


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is large: it goes in parts of 20 bytes, of which two links are requested."""
    monkeypatch.setattr(client_uploads, "MULTIPART_BYTES", -1)
    monkeypatch.setattr(client_uploads, "URLS_PER_REQUEST", 2)
    monkeypatch.setattr(links, "_LEAST_PART", 20)
    monkeypatch.setattr(links, "_MEBIBYTE", 1)
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "customers.csv"
    path.write_bytes(ROWS)
    return path


def error(status: int, code: str, message: str = "no") -> httpx.Response:
    text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return httpx.Response(status, text=text)


EXPIRED = error(403, "AccessDenied", "Request has expired")


class Faults:
    """A client with a file, and what its next requests to S3 are answered, by their method."""

    def __init__(self, served: Served, client: Client, path: Path) -> None:
        self.client = client
        self.path = path
        self._real = served._from_s3  # noqa: SLF001  # what is between the client and moto
        served._from_s3 = self._answer  # type: ignore[method-assign]  # noqa: SLF001  # the same
        self.plan: dict[str, list[httpx.Response | Exception]] = {}
        self.lost: list[str] = []
        """Methods whose next request is carried out, and not answered."""
        self.sent: list[httpx.Request] = []

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        if self.plan.get(request.method):
            instead = self.plan[request.method].pop(0)
            if isinstance(instead, Exception):
                raise instead
            return instead
        answer = self._real(request)
        if request.method in self.lost:
            self.lost.remove(request.method)
            raise httpx.ReadTimeout("lost", request=request)
        return answer

    def methods(self) -> list[str]:
        return [request.method for request in self.sent]


@pytest.fixture
def faults(served: Served, client: Client, path: Path) -> Faults:
    return Faults(served, client, path)


def sent_whole(faults: Faults) -> ImportView:
    """The import of the file, every row of which is in."""
    imports = faults.client.imports
    job = imports.show(imports.send(faults.path, "customers").id)
    assert job.state == "succeeded"
    assert job.counts is not None
    assert job.counts["total_row_count"] == 4
    return job


def refused(faults: Faults) -> LinkRefused:
    with pytest.raises(LinkRefused) as raised:
        faults.client.imports.send(faults.path, "customers")
    return raised.value


def jobs(faults: Faults) -> list[str]:
    return [job.state for job in faults.client.imports.list()]


# A form


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            error(307, "TemporaryRedirect", "Please re-send this request to the endpoint"),
            "returned 307 TemporaryRedirect: Please re-send this request to the endpoint",
        ),
        (error(301, "PermanentRedirect", "Elsewhere"), "returned 301 PermanentRedirect: Elsewhere"),
        (error(400, "EntityTooLarge", "Too large"), "returned 400 EntityTooLarge: Too large"),
        (error(403, "AccessDenied", "Access Denied"), "returned 403 AccessDenied: Access Denied"),
        (httpx.Response(502, text="Bad gateway"), "returned 502: Bad gateway"),
        (httpx.Response(304), "returned 304: Not Modified"),
    ],
)
def test_anything_but_success_is_an_error_that_says_what_s3_said(
    faults: Faults, answer: httpx.Response, words: str
) -> None:
    faults.plan["POST"] = [answer]

    problem = refused(faults)

    assert words in problem.message
    assert (problem.code, problem.status) == ("link_refused", answer.status_code)
    assert faults.methods() == ["POST"]
    assert jobs(faults) == ["cancelled"]


def test_a_form_whose_answer_is_lost_is_not_sent_twice(faults: Faults) -> None:
    faults.lost = ["POST"]

    sent_whole(faults)

    assert faults.methods() == ["POST"]


def test_a_form_that_was_not_received_is_reported(faults: Faults, pauses: list[float]) -> None:
    faults.plan["POST"] = [httpx.ConnectError("no route")]

    with pytest.raises(ApiProblem, match="no route"):
        faults.client.imports.send(faults.path, "customers")

    assert jobs(faults) == ["awaiting_upload"]


def test_a_form_that_has_expired_is_replaced_by_parts(faults: Faults) -> None:
    faults.plan["POST"] = [
        error(403, "AccessDenied", "Invalid according to Policy: Policy expired.")
    ]

    sent_whole(faults)

    assert faults.methods() == ["POST", "PUT", "POST"]


def test_a_busy_store_is_waited_for(faults: Faults, pauses: list[float]) -> None:
    faults.plan["POST"] = [error(503, "SlowDown")] * 2

    sent_whole(faults)

    assert len(pauses) == 2


# Parts


@pytest.mark.usefixtures("in_parts")
def test_a_large_file_goes_in_parts_whose_links_are_requested_as_they_are_needed(
    served: Served, faults: Faults
) -> None:
    sent_whole(faults)

    assert [request.content for request in faults.sent[:-1]] == [
        ROWS[at : at + 20] for at in range(0, len(ROWS), 20)
    ]
    requests = [each for each in served.requests if each.url.path.endswith("/parts/")]
    assert [each.content for each in requests] == [
        b'{"part_numbers":[]}',
        b'{"part_numbers":[1,2]}',
        b'{"part_numbers":[3,4]}',
    ]


@pytest.mark.usefixtures("in_parts")
def test_an_empty_file_is_a_file(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.touch()

    job = client.imports.show(client.imports.send(path, "customers").id)

    assert job.refusal is not None
    assert job.refusal.code == "empty_file"


@pytest.mark.parametrize(
    "instead",
    [
        EXPIRED,
        error(400, "ExpiredToken", "The provided token has expired."),
        error(503, "SlowDown"),
        error(500, "InternalError"),
        error(400, "RequestTimeout"),
        httpx.ConnectError("no"),
        httpx.ReadTimeout("late"),
    ],
)
@pytest.mark.usefixtures("in_parts")
def test_a_part_that_did_not_get_there_is_sent_again(
    faults: Faults, instead: httpx.Response | Exception
) -> None:
    faults.plan["PUT"] = [instead]

    sent_whole(faults)

    assert [request.content for request in faults.sent[:2]] == [ROWS[:20]] * 2


@pytest.mark.usefixtures("in_parts")
def test_an_expired_link_is_replaced_and_not_used_again(served: Served, faults: Faults) -> None:
    faults.plan["PUT"] = [EXPIRED]

    sent_whole(faults)

    requests = [each.content for each in served.requests if each.url.path.endswith("/parts/")]
    assert requests[:4] == [
        b'{"part_numbers":[]}',
        b'{"part_numbers":[1,2]}',
        b'{"part_numbers":[]}',
        b'{"part_numbers":[1,2]}',
    ]


@pytest.mark.usefixtures("in_parts")
def test_a_part_whose_answer_is_lost_is_one_part(faults: Faults) -> None:
    faults.lost = ["PUT"]

    sent_whole(faults)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (error(307, "TemporaryRedirect"), "307 TemporaryRedirect"),
        (error(404, "NoSuchUpload"), "404 NoSuchUpload"),
        (error(403, "AccessDenied", "Access Denied"), "403 AccessDenied: Access Denied"),
    ],
)
@pytest.mark.usefixtures("in_parts")
def test_a_part_that_is_refused_ends_the_import(
    faults: Faults, answer: httpx.Response, words: str
) -> None:
    faults.plan["PUT"] = [answer]

    assert words in refused(faults).message
    assert jobs(faults) == ["cancelled"]


@pytest.mark.usefixtures("in_parts")
def test_a_part_is_sent_a_limited_number_of_times(faults: Faults, pauses: list[float]) -> None:
    faults.plan["PUT"] = [error(500, "InternalError")] * 99

    refused(faults)

    assert faults.methods().count("PUT") == MAX_ATTEMPTS


@pytest.mark.usefixtures("in_parts")
def test_a_part_without_an_etag_is_not_taken_for_sent(faults: Faults) -> None:
    faults.plan["PUT"] = [httpx.Response(200)]

    with pytest.raises(ApiProblem, match="accepted part 1 but returned no ETag"):
        faults.client.imports.send(faults.path, "customers")


@pytest.mark.parametrize(
    "instead",
    [
        error(200, "InternalError", "We encountered an internal error. Please try again."),
        error(200, "SlowDown"),
        error(503, "ServiceUnavailable"),
        httpx.Response(200, text="<?xml version='1.0'?>   "),
        EXPIRED,
        httpx.ConnectError("no"),
    ],
)
@pytest.mark.usefixtures("in_parts")
def test_a_completion_that_s3_did_not_do_is_requested_again(
    faults: Faults, instead: httpx.Response | Exception
) -> None:
    faults.plan["POST"] = [instead]

    sent_whole(faults)

    assert faults.methods().count("POST") == 2


@pytest.mark.usefixtures("in_parts")
def test_a_completion_whose_answer_is_lost_is_one(faults: Faults) -> None:
    faults.lost = ["POST"]

    sent_whole(faults)

    assert faults.methods().count("POST") == 2
    listed = uploads.client().list_object_versions(Bucket="uploads", Prefix="acme/")
    assert len(listed["Versions"]) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (error(200, "InvalidPart", "One is missing"), "200 InvalidPart: One is missing"),
        (error(404, "NoSuchUpload"), "404 NoSuchUpload"),
    ],
)
@pytest.mark.usefixtures("in_parts")
def test_a_completion_that_is_refused_drops_what_was_sent(
    faults: Faults, answer: httpx.Response, words: str
) -> None:
    faults.plan["POST"] = [answer]

    assert words in refused(faults).message

    assert faults.methods()[-2:] == ["POST", "DELETE"]
    assert jobs(faults) == ["cancelled"]
    assert "Uploads" not in uploads.client().list_multipart_uploads(Bucket="uploads")


@pytest.mark.usefixtures("in_parts")
def test_a_file_that_grows_meanwhile_is_not_imported_in_part(faults: Faults) -> None:
    started = faults.client.imports.start("customers.csv", "customers", size=len(ROWS))

    with pytest.raises(ApiProblem, match="grew"):
        faults.client.imports.upload(started, io.BytesIO(ROWS + b"more@parts.test\n"))

    assert "POST" not in faults.methods()


def test_links_are_replaced_before_they_expire(
    client: Client, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: StartedImport = client.imports.start("a.csv", "customers", size=10)
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    connection: Any = client.imports._connection  # noqa: SLF001  # of which these are a part
    known = Links(connection, f"/imports/{started.id}/")
    first = known.part_url(1)

    clock[0] = 0.7 * 3600
    assert known.part_url(1) == first
    clock[0] = 0.9 * 3600
    known.part_url(1)

    assert served.paths().count(f"POST /api/v1/imports/{started.id}/parts/") == 4
