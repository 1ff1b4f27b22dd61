"""Bugs that our model of DynamoDB could have: what a comparison with another service must find."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.faults import dynamodb, query, requests
from tests.faults.attribute_values import Item
from tests.faults.conditions import BeginsWith, Between
from tests.faults.dynamodb import DynamoDB
from tests.faults.expressions import Change
from tests.faults.operands import compared
from tests.faults.rules import Refusal
from tests.faults.tables import Table

type Plant = Callable[[pytest.MonkeyPatch], None]


def condition_ignored(patch: pytest.MonkeyPatch) -> None:
    """Every condition holds."""
    patch.setattr(DynamoDB, "_holds", lambda *_: True)


def half_applied(patch: pytest.MonkeyPatch) -> None:
    """A cancelled transaction has applied the parts before the failed one."""

    def transacted(self: DynamoDB, operations: Any) -> Any:
        for number in range(1, len(operations)):
            try:
                changes = whole(self, operations[:number])
            except Refusal:
                break
            self._apply(changes[-1:])  # the plant is in its place
        return whole(self, operations)

    whole = DynamoDB._transacted  # noqa: SLF001
    patch.setattr(DynamoDB, "_transacted", transacted)


def first_reason_only(patch: pytest.MonkeyPatch) -> None:
    """The reasons of a cancelled transaction end at the first that is one."""

    def transacted(self: DynamoDB, operations: Any) -> Any:
        try:
            return whole(self, operations)
        except Refusal as refusal:
            reasons = refusal.body.get("CancellationReasons", [])
            failed = [each["Code"] != "None" for each in reasons]
            if any(failed):
                refusal.body["CancellationReasons"] = reasons[: failed.index(True) + 1]
            raise

    whole = DynamoDB._transacted  # noqa: SLF001
    patch.setattr(DynamoDB, "_transacted", transacted)


def twice_in_one_transaction(patch: pytest.MonkeyPatch) -> None:
    """Two parts of a transaction, or of a batch, may be about one item."""
    patch.setattr(dynamodb, "check_distinct", lambda *_: None)


def always_forward(patch: pytest.MonkeyPatch) -> None:
    """ScanIndexForward is ignored."""

    def page(items: Any, body: Any, *rest: Any) -> Any:
        return page_of(items, {**body, "ScanIndexForward": True}, *rest)

    page_of = query.page_of
    patch.setattr(dynamodb, "page_of", page)


def next_key(patch: pytest.MonkeyPatch) -> None:
    """LastEvaluatedKey names the first item of the next page, which is then left out."""

    def page(items: Iterable[Item], body: Any, names: Any, index: Any) -> Any:
        found, last = page_of(items, body, names, index)
        if last:
            after, _ = page_of(items, {**body, "ExclusiveStartKey": last}, names, index)
            last = {name: after[0][name] for name in last} if after else last
        return found, last

    page_of = query.page_of
    patch.setattr(dynamodb, "page_of", page)


def limit_ignored(patch: pytest.MonkeyPatch) -> None:
    """A page has as many items as there are."""

    def page(items: Any, body: Any, *rest: Any) -> Any:
        return page_of(items, {k: v for k, v in body.items() if k != "Limit"}, *rest)

    page_of = query.page_of
    patch.setattr(dynamodb, "page_of", page)


def everything_projected(patch: pytest.MonkeyPatch) -> None:
    """An index shows whole items."""
    patch.setattr(dynamodb, "projected", lambda item, *_: item)


def end_excluded(patch: pytest.MonkeyPatch) -> None:
    """BETWEEN leaves its upper bound out."""

    def holds(self: Between, item: Any, given: Any) -> bool:
        high = self.high.value(item, given)
        return whole(self, item, given) and not compared("=", self.operand.value(item, given), high)

    whole = Between.holds
    patch.setattr(Between, "holds", holds)


def begins_anywhere(patch: pytest.MonkeyPatch) -> None:
    """begins_with is contains."""

    def holds(self: BeginsWith, item: Any, given: Any) -> bool:
        value, start = self.operand.value(item, given), self.start.value(item, given)
        return bool(value and start and "S" in value and start["S"] in value["S"])

    patch.setattr(BeginsWith, "holds", holds)


def always_overwritten(patch: pytest.MonkeyPatch) -> None:
    """if_not_exists takes the new value."""

    def value(self: Change, item: Any, given: Any) -> Any:
        if self.unless and self.operand:
            return self.operand.value(item, given)
        return whole(self, item, given)

    whole = Change.value
    patch.setattr(Change, "value", value)


def old_values_returned(patch: pytest.MonkeyPatch) -> None:
    """An update returns what there was."""

    def returned(body: Any, before: Item, _: Item) -> Item:
        return whole(body, before, before)

    whole = requests.returned
    patch.setattr(dynamodb, "returned", returned)


def deletes_forgotten(patch: pytest.MonkeyPatch) -> None:
    """An item that is deleted stays."""

    def write(self: Table, key: Any, item: Item | None) -> None:
        if item is not None:
            whole(self, key, item)

    whole = Table.write
    patch.setattr(Table, "write", write)


def tokens_ignored(patch: pytest.MonkeyPatch) -> None:
    """A transaction that is repeated is carried out again."""

    def transact(self: DynamoDB, body: Any) -> Any:
        return whole(self, {k: v for k, v in body.items() if k != "ClientRequestToken"})

    whole = DynamoDB.transact_write_items
    patch.setattr(DynamoDB, "transact_write_items", transact)


def duplicates_written(patch: pytest.MonkeyPatch) -> None:
    """INSERT overwrites what is there."""

    def insert(self: DynamoDB, name: str, item: Item) -> Any:
        self.tables[name].items.pop(self.tables[name].key(item), None)
        return whole(self, name, item)

    whole = DynamoDB._insert  # noqa: SLF001
    patch.setattr(DynamoDB, "_insert", insert)


FOUND_BY_MOTO: tuple[Plant, ...] = (
    condition_ignored,
    half_applied,
    first_reason_only,
    twice_in_one_transaction,
    always_forward,
    next_key,
    limit_ignored,
    everything_projected,
    end_excluded,
    begins_anywhere,
    always_overwritten,
    old_values_returned,
    deletes_forgotten,
)
FOUND_BY_THE_EMULATOR: tuple[Plant, ...] = (tokens_ignored, duplicates_written)
"""Of what moto does not have."""
