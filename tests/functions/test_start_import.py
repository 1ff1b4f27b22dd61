"""Start imports: a file in a form, or a presigned upload to S3."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
import requests

from functions import start_import
from shared.columns import KINDS
from shared.import_job import State
from shared.store import uploads
from shared.store.import_jobs import list_jobs
from tests.functions.importer import BOUNDARY, CSV, FORM, Importer, form, new_importer, part
from tests.http_event import Reply
from tests.wiretap import answer_lost, meanwhile, tapped

DOORS = {
    "/licenses/import_from_csv/": ("licenses", "licenses"),
    "/customers/import_from_csv/": ("customers", "customers"),
    "/licenses/import_features_from_csv/": ("license-features", "license-features"),
}


def refused(reply: Reply, status: int, code: str) -> str:
    assert (reply.status, reply.json()["code"]) == (status, code), reply.text
    return str(reply.json()["message"])


def stored(key: str) -> bytes:
    return uploads.client().get_object(Bucket="uploads", Key=key)["Body"].read()


def versions() -> list[str]:
    listed = uploads.client().list_object_versions(Bucket="uploads")
    return [each["Key"] for each in listed.get("Versions", ())]


# A file in a form


@pytest.mark.parametrize("path", DOORS)
def test_a_form_is_answered_with_the_number_of_its_job_alone(importer: Importer, path: str) -> None:
    kind, results = DOORS[path]

    reply = importer.post(path, form(), headers={"content-type": FORM})

    assert (reply.status, reply.json()) == (200, {"job_id": 1})
    assert reply.headers["location"] == f"https://api.test/api/v1/{results}-import-results/1/"
    job = importer.job(1)
    assert (job.kind, job.state, job.file_name) == (kind, "awaiting_upload", "a.csv")
    assert job.requested_by == importer.key[:8]
    assert job.key == f"acme/{kind}/job-1/a.csv"
    assert stored(job.key) == CSV


def test_a_form_may_come_as_text(importer: Importer) -> None:
    assert importer.send(form().decode()).json() == {"job_id": 1}


@pytest.mark.parametrize(
    "data", [b"", b"\r\n", b"--", f"--{BOUNDARY[:-1]}\r\n".encode(), bytes(range(256)), b"a\r\n\r"]
)
def test_the_file_is_stored_byte_for_byte(importer: Importer, data: bytes) -> None:
    importer.send(form(part(data)))

    assert stored(importer.job(1).key) == data


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Müller.csv", "Müller.csv"),
        ("../../x.csv", "x.csv"),
        ("C:\\\\data\\\\x.csv", "x.csv"),
        ("x" * 400, "x" * 255),
    ],
)
def test_a_file_name_is_shown_and_leads_nowhere(importer: Importer, sent: str, shown: str) -> None:
    importer.send(form(part(file_name=sent)))

    job = importer.job(1)
    assert job.file_name == shown
    assert job.key.startswith("acme/customers/job-1/")
    assert job.key.count("/") == 3


@pytest.mark.parametrize(
    "named",
    [
        "filename*=UTF-8''na%C3%AFve%20%E2%82%AC.csv",
        "filename=\"naive.csv\"; filename*=utf-8'en'na%C3%AFve%20%E2%82%AC.csv",
        'filename="=?utf-8?B?bmHDr3ZlIOKCrC5jc3Y=?="',
        "filename*=\"UTF-8''na%C3%AFve%20%E2%82%AC.csv\"",
        "filename*0*=UTF-8''na%C3%AFve%20; filename*1*=%E2%82%AC.csv",
        "filename*=windows-1252''na%EFve%20%80.csv",
    ],
)
def test_a_file_name_is_decoded_as_clients_encode_it(importer: Importer, named: str) -> None:
    body = form().replace(b'filename="a.csv"', named.encode())

    assert importer.send(body).status == 200

    assert importer.job(1).file_name == "na\u00efve \u20ac.csv"


def test_a_form_may_say_how_to_import(importer: Importer) -> None:
    options = "dry_run=true&on_error=reject_all&encoding=windows-1252&dates=dmy"
    importer.send(query=f"{options}&on_existing=update&on_missing=refuse")

    job = importer.job(1)
    assert (job.dry_run, job.on_error, job.encoding) == (True, "reject_all", "windows-1252")
    assert (job.dates, job.on_existing, job.on_missing) == ("dmy", "update", "refuse")


def test_an_option_that_is_not_served_is_refused(importer: Importer) -> None:
    assert "dry_run, on_error, encoding" in refused(
        importer.send(query="update=1"), 400, "validation_error"
    )


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ({"content-type": "application/json"}, json.dumps({"file": "a"}), "not_multipart"),
        ({"content-type": "text/csv"}, CSV, "not_multipart"),
        ({"content-type": ""}, form(), "not_multipart"),
        ({"content-type": "multipart/form-data; \u2028="}, form(), "not_multipart"),
        ({"content-type": "multipart/form-data"}, form(), "invalid_multipart"),
        ({"content-type": f"{FORM}{'x' * 80}"}, form(), "invalid_multipart"),
        ({"content-type": "multipart/form-data; boundary=other"}, form(), "invalid_multipart"),
        ({}, "", "invalid_multipart"),
        ({}, part(), "invalid_multipart"),
        ({}, form()[:-8], "invalid_multipart"),
        ({}, b"x" + form(), "invalid_multipart"),
        ({}, form(b"--" + BOUNDARY.encode() + b"\r\nno colon\r\n\r\n\r\n"), "invalid_multipart"),
        ({}, form(part(), part()), "one_file_only"),
        ({}, form(part(), part(b"1", name="dry_run", file_name=None)), "one_file_only"),
        ({}, form(part(name="upload")), "file_required"),
        ({}, form(part(file_name=None)), "file_required"),
        ({}, form(part(file_name="")), "file_required"),
        ({}, form(part(file_name="dir/")), "file_required"),
    ],
)
def test_a_form_that_is_none_is_refused_and_leaves_nothing(
    importer: Importer, headers: dict[str, str], body: Any, code: str
) -> None:
    assert refused(importer.send(body, headers=headers), 400, code)

    assert list(list_jobs("acme")) == []
    assert versions() == []


def test_a_part_has_few_headers(importer: Importer) -> None:
    more = b"".join(b"X-%d: y\r\n" % n for n in range(9))

    many = part().replace(b"Content-Type", more + b"Content-Type", 1)

    refused(importer.send(form(many)), 400, "invalid_multipart")


def test_a_body_that_is_not_base64_is_no_form(importer: Importer) -> None:
    event_body = base64.b64encode(form()).decode()

    refused(importer.send(event_body), 400, "invalid_multipart")


def test_a_larger_file_is_shown_the_other_door(importer: Importer) -> None:
    message = refused(importer.send(form(part(b"x" * 4_500_000))), 413, "file_too_large")

    assert "POST /api/v1/imports/" in message
    assert importer.send(form(part(b"x" * 4_499_000))).status == 200


def test_a_form_sent_again_under_its_key_is_one_import(importer: Importer) -> None:
    headers = {"idempotency-key": "k1"}
    with tapped("TransactWriteItems", meanwhile(lambda: importer.send(headers=headers))):
        first = importer.send(headers=headers)

    again = importer.send(headers=headers)

    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert len(list(list_jobs("acme"))) == len(versions()) == 1
    refused(importer.send(form(part(b"other")), headers=headers), 409, "external_id_reused")


def test_a_job_whose_write_is_unsure_gets_its_file(importer: Importer) -> None:
    with tapped("TransactWriteItems", answer_lost):
        reply = importer.send()

    job = importer.job(reply.json()["job_id"])
    assert [each.number for each in list_jobs("acme")] == [job.number]
    assert stored(job.key) == CSV


def test_only_a_key_that_may_import_imports(tables: None) -> None:
    refused(Importer("acme", "nobodyss.secret").send(), 403, "invalid_api_key")


# A form that sends the file to S3


def test_a_file_of_any_size_is_sent_to_s3_by_a_form(importer: Importer) -> None:
    reply = importer.request_upload(file_name="dir/Müller.csv", size=100_000_000, dry_run=True)

    assert reply.status == 202
    assert reply.headers["location"] == "https://api.test/api/v1/imports/1/"
    view = reply.json()
    assert (view["id"], view["state"], view["status"]) == (1, "awaiting_upload", "pending")
    assert (view["file_name"], view["size"], view["dry_run"]) == ("Müller.csv", 100_000_000, True)
    upload = view["upload"]
    assert (upload["method"], upload["expires_in"]) == ("POST", 3600)
    assert upload["fields"]["key"] == importer.job(1).key
    policy = json.loads(base64.b64decode(upload["fields"]["policy"]))
    assert ["content-length-range", 0, 100_000_000] in policy["conditions"]
    assert {"key": importer.job(1).key} in policy["conditions"]
    assert importer.get("/imports/1/").json() == {k: v for k, v in view.items() if k != "upload"}


def test_more_than_s3_takes_at_once_is_sent_in_parts(importer: Importer) -> None:
    size = 5 * 1024**3 + 1

    upload = importer.request_upload(size=size).json()["upload"]

    assert upload == {
        "method": "PUT",
        "parts_url": "https://api.test/api/v1/imports/1/parts/",
        "part_size": 16 * 1024**2,
        "part_count": 321,
    }
    smaller = importer.request_upload(size=size - 1).json()["upload"]
    assert smaller["method"] == "POST"
    assert smaller["parts_url"] == "https://api.test/api/v1/imports/2/parts/"


def sign(importer: Importer, *numbers: Any, job: int = 1) -> Reply:
    return importer.post(f"/imports/{job}/parts/", {"part_numbers": list(numbers)})


def test_a_file_sent_in_parts_is_the_file(importer: Importer) -> None:
    importer.request_upload(size=16 * 1024**2 + 5)
    data = [b"email\n" + b"x" * (16 * 1024**2 - 6), b"tail\n"]
    links = sign(importer, 1, 2).json()

    tags = [put(links, number, part) for number, part in enumerate(data, 1)]
    answer = complete(links, tags)

    assert answer.status_code == 200
    assert stored(importer.job(1).key) == b"".join(data)
    assert len(versions()) == 1


def put(links: Any, number: int, data: bytes) -> str:
    (url,) = (each["url"] for each in links["parts"] if each["part_number"] == number)
    return requests.put(url, data=data, timeout=5).headers["ETag"]


def complete(links: Any, tags: list[str]) -> requests.Response:
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"
        for number, tag in enumerate(tags, 1)
    )
    body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>"
    return requests.post(links["complete_url"], data=body, timeout=5)


def uploads_begun() -> list[str]:
    listed = uploads.client().list_multipart_uploads(Bucket="uploads")
    return [each["UploadId"] for each in listed.get("Uploads", ())]


def test_links_to_parts_are_of_one_upload_however_often_they_are_requested(
    importer: Importer,
) -> None:
    importer.request_upload(size=10**9)

    first, again, renewed = sign(importer, 1, 2), sign(importer, 2, 60), sign(importer)

    answers = [reply.json() for reply in (first, again, renewed)]
    assert [reply.status for reply in (first, again, renewed)] == [200] * 3
    assert {each["upload_id"] for each in answers} == set(uploads_begun())
    assert [[part["part_number"] for part in each["parts"]] for each in answers] == [
        [1, 2],
        [2, 60],
        [],
    ]
    assert all(
        f"partNumber={n}" in part["url"]
        for n, part in zip((2, 60), answers[1]["parts"], strict=True)
    )
    assert all(f"uploadId={answers[0]['upload_id']}" in each["complete_url"] for each in answers)
    assert {(each["part_size"], each["part_count"]) for each in answers} == {(16 * 1024**2, 60)}
    assert {each["expires_in"] for each in answers} == {3600}


def test_links_do_not_promise_more_than_the_credentials_hold(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = uploads.session().get_credentials()
    monkeypatch.setattr(credentials, "token", "of a role")

    assert importer.request_upload().json()["upload"]["expires_in"] == 900
    assert sign(importer, 1).json()["expires_in"] == 900


def test_two_that_begin_an_upload_at_once_get_the_same(importer: Importer) -> None:
    importer.request_upload(size=10**9)
    answers = []

    with tapped("TransactWriteItems", meanwhile(lambda: answers.append(sign(importer, 1)))):
        answers.append(sign(importer, 1))

    (upload_id,) = {each.json()["upload_id"] for each in answers}
    assert uploads_begun() == [upload_id]
    assert importer.job(1).upload_id == upload_id


def test_an_upload_whose_note_is_lost_is_begun_once(importer: Importer) -> None:
    importer.request_upload(size=10**9)

    with tapped("TransactWriteItems", answer_lost):
        first = sign(importer, 1).json()["upload_id"]

    assert sign(importer, 1).json()["upload_id"] == first
    assert uploads_begun() == [first]


@pytest.mark.parametrize("kind", KINDS)
def test_an_upload_can_be_dropped(importer: Importer, kind: str) -> None:
    importer.request_upload(size=10**9, kind=kind)

    answer = requests.delete(sign(importer, 1).json()["abort_url"], timeout=5)

    assert answer.status_code == 204
    assert uploads_begun() == []


@pytest.mark.parametrize(
    ("numbers", "field"),
    [
        ([0], "part_numbers.0"),
        ([1, -1], "part_numbers.1"),
        ([1, 61], "part_numbers.1"),
        ([1, 2, 1], "part_numbers.2"),
        (["1"], "part_numbers.0"),
        ([1.5], "part_numbers.0"),
        (list(range(1, 102)), "part_numbers"),
    ],
)
def test_parts_that_a_file_does_not_have_are_refused(
    importer: Importer, numbers: list[Any], field: str
) -> None:
    importer.request_upload(size=10**9)

    reply = sign(importer, *numbers)

    refused(reply, 400, "validation_error")
    assert [fault["field"] for fault in reply.json()["errors"]] == [field]
    assert uploads_begun() == []


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("queued", "is queued"),
        ("running", "is running"),
        ("succeeded", "has succeeded"),
        ("failed", "has failed"),
        ("cancelled", "was cancelled"),
    ],
)
def test_parts_are_signed_only_while_the_file_is_awaited(
    importer: Importer, state: State, said: str
) -> None:
    importer.request_upload()
    importer.move(1, "queued", version_id="v1")
    importer.move(1, state)

    message = refused(sign(importer, 1), 409, "import_state")

    assert message == f"Import 1 {said}: it can't be sent in parts"
    assert uploads_begun() == []


def test_parts_are_signed_for_ones_own_imports_alone(importer: Importer) -> None:
    importer.request_upload()

    refused(sign(new_importer("globex"), 1), 404, "not_found")
    refused(sign(importer, 1, job=2), 404, "not_found")


def test_a_job_whose_parts_are_on_their_way_is_heard_of_once_an_hour(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    importer.request_upload(size=10**9)
    sign(importer, 1)
    before = importer.job(1)
    sign(importer, 2)
    assert importer.job(1) == before

    monkeypatch.setattr(start_import, "_NOTED_EVERY", timedelta(0))
    sign(importer, 3)

    assert importer.job(1).heartbeat_at > before.heartbeat_at


def test_the_same_external_id_is_the_same_import(importer: Importer) -> None:
    first = importer.request_upload(external_id="nightly")

    again = importer.request_upload(external_id="nightly")

    assert (first.json()["id"], again.json()["id"]) == (1, 1)
    assert again.status == 202
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert again.json()["upload"]["fields"]["key"] == first.json()["upload"]["fields"]["key"]


def test_another_request_under_an_external_id_is_refused(importer: Importer) -> None:
    importer.request_upload(external_id="nightly")

    refused(importer.request_upload(external_id="nightly", size=101), 409, "external_id_reused")
    for other in ({"on_existing": "update"}, {"on_missing": "refuse"}, {"keys": "generate"}):
        reply = importer.request_upload(external_id="nightly", **other)
        refused(reply, 409, "external_id_reused")

    assert new_importer("globex").request_upload(external_id="nightly").status == 202


def test_two_equal_requests_at_once_are_one_import(importer: Importer) -> None:
    answers = []

    with tapped(
        "TransactWriteItems",
        meanwhile(lambda: answers.append(importer.request_upload(external_id="nightly"))),
    ):
        answers.append(importer.request_upload(external_id="nightly"))

    assert len({each.json()["id"] for each in answers}) == 1
    assert len(list(list_jobs("acme"))) == 1


def test_a_request_whose_answer_is_lost_is_one_import(importer: Importer) -> None:
    with tapped("TransactWriteItems", answer_lost):
        first = importer.request_upload(external_id="nightly")

    assert "idempotent-replayed" not in first.headers
    assert importer.request_upload(external_id="nightly").json()["id"] == first.json()["id"]


def test_once_the_file_is_there_no_form_is_given(importer: Importer) -> None:
    number = importer.request_upload(external_id="nightly").json()["id"]
    importer.move(number, "queued", version_id="v1")

    view = importer.request_upload(external_id="nightly").json()

    assert (view["id"], view["state"], view["upload"]) == (number, "queued", None)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"kind": "orders"}, "kind"),
        ({"file_name": ""}, "file_name"),
        ({"file_name": "dir/"}, "file_name"),
        ({"size": -1}, "size"),
        ({"size": "5"}, "size"),
        ({"on_error": "stop"}, "on_error"),
        ({"on_existing": "replace"}, "on_existing"),
        ({"on_missing": "keep"}, "on_missing"),
        ({"keys": "random"}, "keys"),
        ({"encoding": "latin-1"}, "encoding"),
        ({"dates": "ymd"}, "dates"),
        ({"external_id": ""}, "external_id"),
        ({"external_id": "a\nb"}, "external_id"),
        ({"update": True}, "update"),
    ],
)
def test_what_is_wrong_with_a_request_is_named(
    importer: Importer, wrong: dict[str, Any], field: str
) -> None:
    reply = importer.request_upload(**wrong)

    refused(reply, 400, "validation_error")
    assert [fault["field"] for fault in reply.json()["errors"]] == [field]


# Templates


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_has_every_column(importer: Importer, kind: str) -> None:
    reply = importer.get(f"/import-templates/{kind}.csv")

    assert reply.status == 200
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    header = reply.text.lstrip("\ufeff").partition("\r\n")[0]
    assert header.split(",") == list(KINDS[kind].columns)


def test_there_is_no_template_of_another_kind(importer: Importer) -> None:
    refused(importer.get("/import-templates/orders.csv"), 404, "not_found")
