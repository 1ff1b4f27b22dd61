"""The records that the tests of the command list and change, and an account of AWS."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.infra.aws_account import AwsAccount, open_aws_account
from tests.infra.served import Keywright


@pytest.fixture
def aws(tables: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsAccount]:
    with open_aws_account(monkeypatch) as account:
        yield account


@pytest.fixture
def placed(keywright: Keywright) -> Any:
    """Two orders: of a license with a key, and of one with a user."""
    orders: list[dict[str, Any]] = [
        {
            "id": "web-1",
            "customer": {"email": "ana@acme.example", "reference": "crm-1"},
            "items": [{"product_code": "kp", "licenses": [{"key": "KEY-1"}]}],
        },
        {
            "id": "web-2",
            "items": [
                {"product_code": "up", "licenses": [{"users": [{"email": "u@acme.example"}]}]}
            ],
        },
    ]
    return [keywright.order(**order) for order in orders]
