"""Requests that we sign ourselves, as botocore would."""

from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from shared.store import signed_http

MOMENT = "20260102T030405Z"
BODY = '{"note":"Peña"}'.encode()


@pytest.mark.parametrize("token", [None, "session/token=="])
def test_a_request_is_signed_as_botocore_signs_it(
    token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Credentials("id", "secret", token)
    theirs = AWSRequest(
        "POST",
        "https://dynamodb.eu-west-1.amazonaws.com/",
        data=BODY,
        headers={
            "X-Amz-Target": "DynamoDB_20120810.BatchGetItem",
            "Content-Type": "application/x-amz-json-1.0",
        },
    )
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: at)
    SigV4Auth(keys, "dynamodb", "eu-west-1").add_auth(theirs)

    ours = signed_http.signed_headers(
        "BatchGetItem",
        BODY,
        host="dynamodb.eu-west-1.amazonaws.com",
        region="eu-west-1",
        keys=keys.get_frozen_credentials(),
        moment=MOMENT,
    )

    assert theirs.headers["X-Amz-Date"] == MOMENT
    assert ours["authorization"] == theirs.headers["Authorization"]
    assert ours.get("x-amz-security-token") == token
