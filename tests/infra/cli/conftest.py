"""The records that the tests of the command list and change."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.infra.served import Keywright


@pytest.fixture
def placed(keywright: Keywright, tmp_path: Path) -> Any:
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
    answers = []
    for order in orders:
        file = tmp_path / f"{order['id']}.json"
        file.write_text(json.dumps(order))
        answers.append(keywright.run_json("orders", "create", file))
    return answers
