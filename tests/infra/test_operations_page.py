"""The scripts in docs/operations.md work."""

import re
import sys

import pytest

from infra.stamp import ROOT
from shared.store.dynamo import client, table
from tests.functions.shop import Shop

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def test_what_was_deleted_is_put_back_from_a_restored_table(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither what is there is touched, nor what was half-written then."""
    (script,) = re.findall(r"<<'END'\n(.*?)\n +END", PAGE, re.DOTALL)
    shop.order(id="kept", items=[{"product_code": "kp", "licenses": [{}]}])
    lost = shop.order(id="lost", items=[{"product_code": "kp", "licenses": [{}]}]).json()
    real = table("ORDERS_TABLE")
    described = client().describe_table(TableName=real)["Table"]
    client().create_table(
        TableName="restored",
        KeySchema=described["KeySchema"],
        AttributeDefinitions=[
            each for each in described["AttributeDefinitions"] if each["AttributeName"] in "pk sk"
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    items = client().scan(TableName=real)["Items"]
    for item in items:
        client().put_item(TableName="restored", Item=item)
    for sk in ("pending#order", "plan#order"):
        client().put_item(TableName="restored", Item={**items[0], "sk": {"S": sk}})
    (gone,) = [item for item in items if item.get("store_id") == {"S": "lost"}]
    client().delete_item(TableName=real, Key={key: gone[key] for key in ("pk", "sk")})
    assert shop.get(f"/orders/{lost['id']}/").status == 404

    monkeypatch.setattr(sys, "argv", ["-", "restored", real])
    exec(re.sub(r"^        ", "", script, flags=re.MULTILINE), {})  # noqa: S102  # our own page

    assert capsys.readouterr().out.count("put back") == 1
    assert client().scan(TableName=real)["Count"] == len(items)
    assert shop.get(f"/orders/{lost['id']}/").json()["store_id"] == "lost"
