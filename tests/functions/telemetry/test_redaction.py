"""Unexpected exceptions are logged and raised without their messages."""

import json

import pytest
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from functions.telemetry.redaction import Crashed, log_fields, redacted
from shared.errors import NotFound

SECRET = "KEY-4711"


def crashed() -> Exception:
    with pytest.raises(ValueError, match=SECRET) as caught:
        int(SECRET)
    return caught.value


def test_an_exception_is_logged_by_type_and_stack() -> None:
    fields = log_fields(crashed())

    assert fields["error"] == "ValueError"
    assert "in crashed" in fields["places"][0]


def test_an_error_of_aws_is_named_by_its_code() -> None:
    error = ClientError({"Error": {"Code": "AccessDenied", "Message": SECRET}}, "GetItem")

    assert log_fields(error) == {"error": "ClientError AccessDenied", "places": []}


def test_an_exception_is_replaced_and_its_message_is_nowhere(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = redacted(crashed(), Logger(service="test-redaction"))

    assert isinstance(found, Crashed)
    assert str(found) == "ValueError"
    line = json.loads(capsys.readouterr().out)
    assert (line["message"], line["level"], line["error"]) == ("crash", "ERROR", "ValueError")
    assert SECRET not in str(line["error"])


def test_our_own_refusals_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    refusal = NotFound("There is no import 7.")

    assert redacted(refusal, Logger(service="test-redaction")) is refusal
    assert capsys.readouterr().out == ""
