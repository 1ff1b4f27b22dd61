"""What all HTTP functions share: routing, keys, bodies, and one shape of errors."""

import json
import re
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError

from functions.web import api as web_api
from functions.web import auth
from functions.web.api import Api, Page
from functions.web.request import MAX_BODY
from shared.access import ApiKey, new_api_key
from shared.errors import Busy, Conflict, NotFound
from shared.store.access import add_api_key, get_api_key, revoke_api_key
from tests.functions.sample_api import Part, Thing, api, handler
from tests.http_event import Reply, http_event, send

PARTS = {"parts": [{"name": "lid"}]}

Out = pytest.CaptureFixture[str]


def create(key: str, body: Any, **rest: Any) -> Reply:
    """POST to the sample's things."""
    return send(handler, "POST", "/api/v1/things/", body=body, key=key, **rest)


def refusal(reply: Reply, status: int, code: str) -> dict[str, Any]:
    """The problem, which has the one shape."""
    problem: dict[str, Any] = reply.json()
    assert (reply.status, problem["code"]) == (status, code), reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status
    assert problem["message"] == problem["detail"] != ""
    assert problem["request_id"] == reply.headers["x-request-id"] == "request-1"
    assert problem["type"] == f"https://api.test/docs#error-{code}"
    assert set(problem) == {
        "type", "title", "status", "code", "message", "detail", "errors", "request_id"
    }  # fmt: skip
    for fault in problem["errors"]:
        assert set(fault) == {"field", "pointer", "code", "message", "value"}
    return problem


# Routing


@pytest.mark.parametrize("path", ["/api/v1/things", "/api/v1/things/"])
def test_a_path_answers_with_and_without_its_slash(api_key: str, path: str) -> None:
    body = send(handler, "POST", path, body=PARTS, key=api_key).ok(201)

    assert body == {"id": 7, "company": "acme", "kind": "small"}


@pytest.mark.parametrize("path", ["/api/v1/things/names", "/api/v1/things/names/"])
def test_a_fixed_path_goes_before_an_id(api_key: str, path: str) -> None:
    assert send(handler, "GET", path, key=api_key).json() == ["Müller"]


def test_an_id_is_a_number(api_key: str) -> None:
    reply = send(handler, "GET", "/api/v1/things/1593781720493279/", key=api_key)

    assert reply.json()["id"] == 1593781720493279


@pytest.mark.parametrize("text", ["abc", "-1", "1.0", "9007199254740992", "9" * 40, "٣", "0x1"])
def test_what_is_not_an_id_is_not_found(api_key: str, text: str) -> None:
    refusal(send(handler, "GET", f"/api/v1/things/{text}/", key=api_key), 404, "not_found")


@pytest.mark.parametrize("end", ["\n", "//", "/\n"])
def test_a_path_with_more_at_its_end_is_not_found(api_key: str, end: str) -> None:
    reply = send(handler, "GET", f"/api/v1/things{end}", key=api_key)

    refusal(reply, 404, "not_found")


@pytest.mark.parametrize("text", ['"', "a b", "a#b", "\\", "é?", "\n"])
def test_what_no_id_can_contain_is_not_found(api_key: str, text: str) -> None:
    refusal(send(handler, "GET", f"/api/v1/things/{text}", key=api_key), 404, "not_found")


def test_a_request_never_sees_the_one_before(api_key: str, out: Out) -> None:
    create(api_key, PARTS)
    send(handler, "GET", "/nowhere", key=api_key)
    create(api_key, PARTS)

    lines = [json.loads(line) for line in out.readouterr().out.splitlines()]
    seen = [(line.get("route"), line.get("code")) for line in lines if "ms" in line]
    assert seen == [("/api/v1/things/", None), (None, "not_found"), ("/api/v1/things/", None)]


def test_head_is_the_answer_to_get_without_its_body(api_key: str) -> None:
    head, get = (send(handler, each, "/api/v1/things/", key=api_key) for each in ("HEAD", "GET"))

    length = str(len(get.text.encode()))
    assert (head.status, head.text) == (200, "")
    assert head.headers == get.headers | {"content-length": length}


def test_powertools_debug_mode_stays_off(
    api_key: str, monkeypatch: pytest.MonkeyPatch, out: Out
) -> None:
    """It would print the event with the API key, and answer a crash with its stack."""
    monkeypatch.setenv("POWERTOOLS_DEV", "true")

    reply = send(failing(KeyError("x")).handler, "GET", "/fail/", key=api_key)

    assert api_key not in reply.text + out.readouterr().out
    refusal(reply, 500, "internal_error")


def test_an_unknown_path_is_not_found_in_the_one_shape() -> None:
    refusal(send(handler, "GET", "/api/v1/thongs/"), 404, "not_found")


def test_text_goes_out_as_its_own_type(api_key: str) -> None:
    reply = send(handler, "GET", "/api/v1/things/export/", key=api_key)

    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert reply.text == "id\r\n7\r\n"


def test_every_answer_forbids_sniffing_and_storing(api_key: str) -> None:
    for reply in (create(api_key, PARTS), create(api_key, "{"), send(handler, "GET", "/nowhere")):
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["strict-transport-security"].startswith("max-age=")
        assert reply.headers["x-request-id"] == "request-1"


def test_links_are_absolute_and_say_only_what_was_given(api_key: str) -> None:
    reply = send(handler, "GET", "/api/v1/things/", query="limit=3", key=api_key)

    assert reply.json()["next"] == "https://api.test/api/v1/things/?limit=3"


@pytest.mark.parametrize(
    ("value", "start"),
    [
        ("https://keys.example/back/", "https://keys.example/back/api/v1/things?"),
        ("http://{host}/stage", "http://api.test/stage/api/v1/things?"),
    ],
)
def test_links_follow_the_address_that_operators_set(
    api_key: str, monkeypatch: pytest.MonkeyPatch, value: str, start: str
) -> None:
    monkeypatch.setenv("PUBLIC_URL", value)

    reply = send(handler, "GET", "/api/v1/things", key=api_key)

    assert reply.json()["next"].startswith(start)


@pytest.mark.parametrize(
    "options", [{}, {"scope": "things:eat"}, {"scope": "records:read", "public": True}]
)
def test_a_route_names_a_scope_or_is_public(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="/x/"):
        Api("X").get("/x/", **options)


def test_a_parameter_without_a_source_is_refused_at_import_time() -> None:
    def wrong(caller: web_api.Caller, body: Part) -> Part:
        raise NotImplementedError(caller, body)

    with pytest.raises(TypeError, match="parameters"):
        Api("X").get("/x/", public=True)(wrong)


def test_every_route_of_the_sample_is_known_with_its_scope() -> None:
    assert {(each.method, each.path): each.scope for each in api.operations}[
        "GET", "/api/v1/things/<id>/"
    ] == "records:read"


def test_a_page_has_the_published_keys() -> None:
    page = Page[Thing](count=0, limit=20, results=[])

    assert set(page.model_dump()) == {"count", "limit", "next", "previous", "cursor", "results"}


# Keys


@pytest.mark.usefixtures("tables")
def test_missing_credentials_get_the_published_message() -> None:
    problem = refusal(send(handler, "POST", "/api/v1/things/"), 403, "not_authenticated")

    assert problem["detail"] == "Authentication credentials were not provided."


@pytest.mark.parametrize("scheme", ["Bearer", "Basic", "Api-Key Api-Key"])
def test_another_scheme_is_not_a_key(api_key: str, scheme: str) -> None:
    reply = create("", PARTS, headers={"Authorization": f"{scheme} {api_key}"})

    refusal(reply, 403, "invalid_api_key")


def test_a_wrong_secret_and_an_unknown_prefix_are_refused_alike(api_key: str) -> None:
    wrong = create(api_key[:-1] + ("a" if api_key[-1] != "a" else "b"), PARTS)
    unknown = create("nobodyss" + api_key[8:], PARTS)

    assert refusal(wrong, 403, "invalid_api_key") == refusal(unknown, 403, "invalid_api_key")


@pytest.mark.usefixtures("tables")
def test_an_expired_key_is_refused() -> None:
    now = datetime.now(UTC)
    key, presented = new_api_key("acme", now=now, expires_at=now - timedelta(seconds=1))
    add_api_key(key)

    assert "expired" in refusal(create(presented, PARTS), 403, "invalid_api_key")["detail"]


@pytest.mark.usefixtures("tables")
def test_a_missing_scope_is_named() -> None:
    key, presented = new_api_key("acme", now=datetime.now(UTC), scopes=["records:read"])
    add_api_key(key)

    problem = refusal(create(presented, PARTS), 403, "permission_denied")

    assert "catalog:write" in problem["message"]


@pytest.mark.usefixtures("tables")
def test_a_key_is_checked_before_the_body_is_read() -> None:
    refusal(send(handler, "POST", "/api/v1/things/", body="{"), 403, "not_authenticated")


def test_a_revoked_key_is_dead_within_a_minute(
    api_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC).timestamp()
    clock = [now]
    monkeypatch.setattr(time, "time", lambda: clock[0])
    assert create(api_key, PARTS).status == 201
    revoke_api_key(api_key[:8], datetime.now(UTC))

    clock[0] = now + 59.9
    assert create(api_key, PARTS).status == 201
    clock[0] = now + 60
    refusal(create(api_key, PARTS), 403, "invalid_api_key")


def test_a_clock_set_back_does_not_keep_a_revoked_key_alive(
    api_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert create(api_key, PARTS).status == 201
    revoke_api_key(api_key[:8], datetime.now(UTC))

    past = datetime.now(UTC).timestamp() - 3600
    monkeypatch.setattr(time, "time", lambda: past)

    refusal(create(api_key, PARTS), 403, "invalid_api_key")


def test_a_key_is_read_once_a_minute(api_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []

    def read(prefix: str) -> ApiKey | None:
        reads.append(prefix)
        return get_api_key(prefix)

    monkeypatch.setattr(auth, "get_api_key", read)

    for _ in range(3):
        create(api_key, PARTS)

    assert reads == [api_key[:8]]


@pytest.mark.usefixtures("tables")
def test_a_key_made_after_a_refusal_works_at_once() -> None:
    key, presented = new_api_key("acme", now=datetime.now(UTC))
    refusal(create(presented, PARTS), 403, "invalid_api_key")

    add_api_key(key)

    assert create(presented, PARTS).status == 201


def test_use_is_noted_but_not_that_of_a_wrong_secret(api_key: str) -> None:
    prefix = api_key[:8]
    create(f"{prefix}.{'x' * 40}", PARTS)
    before = get_api_key(prefix)
    create(api_key, PARTS)
    after = get_api_key(prefix)

    assert before is not None
    assert after is not None
    assert (before.last_used_at, after.last_used_at is None) == (None, False)


def test_a_request_goes_on_when_its_use_cannot_be_noted(
    api_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttled(*_: object) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "UpdateItem")

    monkeypatch.setattr(auth, "touch_api_key", throttled)

    assert create(api_key, PARTS).status == 201


# Bodies


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (None, "empty"),
        ("", "empty"),
        (" \n", "empty"),
        (b"", "empty"),
        ('{"parts":', "line 1 column 10"),
        ('{\n  "parts": [}\n', "line 2 column 13"),
        ("{'parts': []}", "line 1 column 2"),
        ('{"parts": []} x', "line 1 column 15"),
        ('{"parts": [], }', "line 1 column 13"),
        ('{"count": NaN}', "NaN"),
        ('{"count": -Infinity}', "-Infinity"),
        ('{"count": 1e999}', "1e999"),
        ('{"count": ' + "9" * 39 + "}", "64 bits"),
        ('{"count": ' + "9" * 5000 + "}", "64 bits"),
        ('{"count": 9223372036854775808}', "64 bits"),
        ('{"key": "\\ud800"}', "column 16"),
        ('{"\\ud800": 1, "\\ud800": 2}', "column"),
        ('{"key": "\ud800"}', "UTF-8"),
        ('{"key": "a\nb"}', "column 11"),
        (b'{"key": "\xff"}', "UTF-8 at byte 9"),
        (b"\xff\xfe{\x00}\x00", "UTF-8"),
        ("[" * 100_000, "deep"),
        ('{"parts": ' + "[" * 500 + "]" * 500 + "}", "recursion"),
        ('{"kind": "small", "kind": "large"}', '"kind"'),
        ('{"parts": [{"name": "a", "name": "a"}]}', '"name"'),
    ],
)
def test_what_is_not_strict_json_is_refused_with_its_place(
    api_key: str, body: Any, says: str
) -> None:
    assert says in refusal(create(api_key, body), 400, "invalid_json")["message"]


def test_base64_that_is_none_is_refused(api_key: str) -> None:
    event = http_event("POST", "/api/v1/things/", body="%%%", key=api_key)

    answer = handler(event | {"isBase64Encoded": True}, None)  # type: ignore[arg-type]  # unused

    assert json.loads(answer["body"])["code"] == "invalid_json"


@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("as_bytes", [False, True])
def test_a_body_may_come_as_base64_and_with_a_byte_order_mark(
    api_key: str, bom: str, *, as_bytes: bool
) -> None:
    text = bom + json.dumps(PARTS)

    assert create(api_key, text.encode() if as_bytes else text).status == 201


@pytest.mark.parametrize("as_bytes", [False, True])
def test_a_body_has_at_most_one_mebibyte(api_key: str, *, as_bytes: bool) -> None:
    text = json.dumps(PARTS)
    fits, over = (text.ljust(MAX_BODY + more) for more in (0, 1))

    assert create(api_key, fits.encode() if as_bytes else fits).status == 201
    refusal(create(api_key, over.encode() if as_bytes else over), 413, "body_too_large")


def test_bytes_count_not_characters(api_key: str) -> None:
    body = json.dumps(PARTS | {"key": "ü" * (MAX_BODY // 2)}, ensure_ascii=False)

    refusal(create(api_key, body), 413, "body_too_large")


@pytest.mark.parametrize("body", ["[]", '"text"', "1", "null", "true"])
def test_a_body_that_is_no_object_is_a_fault_of_the_whole(api_key: str, body: str) -> None:
    (fault,) = refusal(create(api_key, body), 400, "validation_error")["errors"]

    assert (fault["field"], fault["pointer"]) == (None, "")


def test_every_fault_is_listed_with_its_place_and_value(api_key: str) -> None:
    body = {"kind": "huge", "parts": [{"name": ""}, {"nom": 1}], "count": "many"}

    problem = refusal(create(api_key, body), 400, "validation_error")

    assert [(f["field"], f["pointer"], f["code"], f["value"]) for f in problem["errors"]] == [
        ("kind", "/kind", "literal_error", "huge"),
        ("parts.0.name", "/parts/0/name", "string_too_short", ""),
        ("parts.1.name", "/parts/1/name", "required", None),
        ("parts.1.nom", "/parts/1/nom", "unknown_field", 1),
        ("count", "/count", "int_parsing", "many"),
    ]
    assert problem["message"].startswith("kind: must be one of '")
    assert problem["message"].endswith("(and 2 more)")


@pytest.mark.parametrize("name", ["policy_code", "template_code"])
def test_a_pointer_names_the_alias_that_was_sent(api_key: str, name: str) -> None:
    reply = create(api_key, {"parts": [{"name": "a", name: 5}]})

    (fault,) = refusal(reply, 400, "validation_error")["errors"]
    assert fault["pointer"] == f"/parts/0/{name}"


@pytest.mark.parametrize("features", ["all", {"a": 1}])
def test_a_union_makes_one_fault_where_the_value_is(api_key: str, features: Any) -> None:
    reply = create(api_key, {"parts": [{"name": "a", "features": features}]})

    (fault,) = refusal(reply, 400, "validation_error")["errors"]
    assert fault["pointer"] == "/parts/0/features"


def test_the_members_of_a_union_are_not_in_a_pointer(api_key: str) -> None:
    reply = create(api_key, {"parts": [{"name": "a", "features": [{"f~/1": "x"}]}]})

    faults = refusal(reply, 400, "validation_error")["errors"]
    assert [fault["pointer"] for fault in faults] == [
        "/parts/0/features/0",
        "/parts/0/features/0/f~0~11",
    ]


def test_a_value_is_shortened_and_a_password_is_not_shown(api_key: str) -> None:
    body = {"parts": [{"name": "n" * 600}], "key": "k" * 20, "password": "p" * 20}

    faults = refusal(create(api_key, body), 400, "validation_error")["errors"]

    values = {fault["field"]: fault["value"] for fault in faults}
    assert values == {"parts.0.name": "n" * 200 + "…", "key": "k" * 20, "password": None}


def test_an_idempotency_key_arrives(api_key: str) -> None:
    reply = create(api_key, PARTS, headers={"Idempotency-Key": "a-1"})

    assert reply.headers["seen-key"] == "a-1"


@pytest.mark.parametrize("key", ["", " ", "a b", "ü", "x" * 256])
def test_an_idempotency_key_is_short_and_printable(api_key: str, key: str) -> None:
    reply = create(api_key, PARTS, headers={"Idempotency-Key": key})

    (fault,) = refusal(reply, 400, "validation_error")["errors"]
    assert fault["field"] == "Idempotency-Key"


# Queries


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=101", "limit"),
        ("limit=&limit=5", "limit"),
        ("color=", "color"),
        ("limit=x", "limit"),
        ("limit=1&limit=2", "limit"),
        ("kind=small", "kind"),
        ("color=red", "color"),
    ],
)
def test_a_query_that_is_not_served_is_refused(api_key: str, query: str, field: str) -> None:
    reply = send(handler, "GET", "/api/v1/things/", query=query, key=api_key)

    (fault,) = refusal(reply, 400, "validation_error")["errors"]
    assert (fault["field"], fault["pointer"]) == (field, None)


@pytest.mark.parametrize("query", ["dry_run=true", "color="])
def test_a_route_without_query_refuses_one(api_key: str, query: str) -> None:
    reply = send(handler, "POST", "/api/v1/things/", body=PARTS, query=query, key=api_key)

    (fault,) = refusal(reply, 400, "validation_error")["errors"]
    assert fault["field"] == query.partition("=")[0]
    assert "Supported: none." in reply.json()["message"]


def test_an_unknown_filter_is_answered_with_those_that_are_served(api_key: str) -> None:
    reply = send(handler, "GET", "/api/v1/things/", query="color=red", key=api_key)

    assert "limit, kind__iexact" in reply.json()["message"]


@pytest.mark.parametrize("query", ["kind__iexact=%ff", "&".join(f"a{n}=1" for n in range(101))])
def test_a_query_that_cannot_be_read_is_refused(api_key: str, query: str) -> None:
    reply = send(handler, "GET", "/api/v1/things/", query=query, key=api_key)

    refusal(reply, 400, "validation_error")


def test_a_filter_is_read_by_its_published_name(api_key: str) -> None:
    reply = send(handler, "GET", "/api/v1/things/", query="kind__iexact=a%20b", key=api_key)

    assert reply.json()["results"][0]["kind"] == "a b"


# Refusals and crashes


class Stdout:
    """Whatever stdout is now; the logger keeps the stream that it was made with."""

    def write(self, text: str) -> int:
        """Writes there."""
        return sys.stdout.write(text)

    def flush(self) -> None:
        """Flushes that."""
        sys.stdout.flush()


@pytest.fixture
def out(capsys: Out, monkeypatch: pytest.MonkeyPatch) -> Out:
    """Everything that goes to stdout, the log included."""
    monkeypatch.setattr(web_api.logger.handlers[0], "stream", Stdout())
    return capsys


def test_a_refusal_of_the_domain_keeps_its_status_and_faults(api_key: str) -> None:
    problem = refusal(create(api_key, PARTS | {"kind": "large"}), 409, "order_id_exists")

    assert problem["errors"][0]["pointer"] == "/kind"


def failing(error: Exception) -> Api:
    """An Api whose one route raises."""
    made = Api("Failing")

    @made.get("/fail/", public=True)
    def fail() -> Thing:
        raise error

    return made


def aws(code: str, status: int = 400, reasons: tuple[str, ...] = ()) -> ClientError:
    """What botocore raises for an error answer."""
    response: Any = {
        "Error": {"Code": code, "Message": "m"},
        "ResponseMetadata": {"HTTPStatusCode": status},
        "CancellationReasons": [{"Code": reason} for reason in reasons],
    }
    return ClientError(response, "TransactWriteItems")


@pytest.mark.parametrize(
    "error",
    [
        aws("ThrottlingException"),
        aws("ProvisionedThroughputExceededException"),
        aws("InternalServerError", 500),
        aws("Anything", 503),
        aws("TransactionCanceledException", reasons=("None", "TransactionConflict")),
        ConnectTimeoutError(endpoint_url="https://dynamodb"),
        EndpointConnectionError(endpoint_url="https://dynamodb"),
        Busy(),
    ],
)
def test_a_busy_store_is_503_and_may_be_retried(error: Exception) -> None:
    reply = send(failing(error).handler, "GET", "/fail/")

    refusal(reply, 503, "unavailable")
    assert reply.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    "error",
    [
        KeyError("x"),
        aws("ValidationException"),
        aws("AccessDeniedException"),
        aws("TransactionCanceledException", reasons=("None", "ValidationError")),
        RecursionError(),
    ],
)
def test_anything_unexpected_is_500_and_rings(error: Exception, out: Out) -> None:
    reply = send(failing(error).handler, "GET", "/fail/")

    refusal(reply, 500, "internal_error")
    lines = [json.loads(line) for line in out.readouterr().out.splitlines()]
    assert [line["Crash"] for line in lines if "Crash" in line] == [[1.0]]
    assert [line["error"].split()[0] for line in lines if line.get("message") == "crash"] == [
        type(error).__qualname__
    ]


@pytest.mark.parametrize("error", [NotFound("No."), Conflict("order_id_exists", "Is.")])
def test_a_refusal_is_counted_by_its_code_and_does_not_ring(
    error: NotFound | Conflict, out: Out
) -> None:
    send(failing(error).handler, "GET", "/fail/")

    lines = [json.loads(line) for line in out.readouterr().out.splitlines()]
    (counted,) = [line for line in lines if "_aws" in line]
    assert (counted["code"], counted["Refused"]) == (error.code, [1.0])


def test_a_request_is_one_line_with_what_a_person_searches_for(api_key: str, out: Out) -> None:
    create(api_key, PARTS)

    (line,) = [json.loads(line) for line in out.readouterr().out.splitlines()]
    assert (line["route"], line["method"], line["status"]) == ("/api/v1/things/", "POST", 201)
    assert (line["correlation_id"], line["company"]) == ("request-1", "acme")


def test_no_secret_gets_into_a_log(api_key: str, out: Out, caplog: Any) -> None:
    canary = "CANARY-7f3a"
    body = {"kind": canary, "parts": [{"name": canary}], "key": canary * 2, canary: canary}
    query = f"color={canary}"
    create(api_key, body)
    create(api_key, "{" + canary)
    create(api_key, PARTS, headers={"Authorization": f"Bearer {canary}"})
    create(api_key, PARTS, headers={"Idempotency-Key": f"{canary} "})
    send(handler, "GET", "/api/v1/things/", query=query, key=api_key)
    send(handler, "POST", "/api/v1/things/break/", body={"name": canary}, key=api_key)
    send(handler, "GET", f"/api/v1/{canary}/", key=api_key)
    send(handler, "GET", f"/api/v1/things/{canary}/", key=api_key)

    captured = out.readouterr()
    logged = captured.out + captured.err + caplog.text
    assert "places" in logged
    assert not re.search(f"{canary}|{api_key[9:]}", logged)
