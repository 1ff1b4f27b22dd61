"""Answers of a service, reduced to what callers may rely on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

type Body = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a service answered: a body, or an error code with a transaction's reasons."""

    body: Body = field(default_factory=dict)
    code: str = ""
    reasons: tuple[str, ...] = ()
    rule: str = ""
    """Why our model refuses; not compared."""

    def same(self, other: "Answer") -> bool:
        mine, others = _sets_sorted(self.body), _sets_sorted(other.body)
        return (mine, self.code, self.reasons) == (others, other.code, other.reasons)

    def __str__(self) -> str:
        if not self.code:
            return orjson.dumps(self.body).decode()
        return " ".join([self.code, *self.reasons, f"({self.rule})" if self.rule else ""]).strip()


def _sets_sorted(held: Any) -> Any:
    """Sets in one order: "the order of the values within a set is not preserved"."""
    if isinstance(held, list):
        return [_sets_sorted(part) for part in held]
    if not isinstance(held, dict):
        return held
    return {
        name: sorted(part)
        if name in ("SS", "NS", "BS") and isinstance(part, list)
        else _sets_sorted(part)
        for name, part in held.items()
    }


def answered(body: Body) -> Answer:
    """A 200, without what no caller relies on: order where there is none, empty members."""
    answer = {
        name: held
        for name, held in body.items()
        if name not in ("ConsumedCapacity", "ItemCollectionMetrics") and held not in ({}, None)
    }
    if _by_table(answer):
        answer["Responses"] = {
            name: sorted(map(sorted_item, items), key=orjson.dumps)
            for name, items in answer["Responses"].items()
            if items
        }
    for name in ("Item", "Attributes"):
        if name in answer:
            answer[name] = sorted_item(answer[name])
    if "Items" in answer:
        answer["Items"] = [sorted_item(item) for item in answer["Items"]]
    if isinstance(answer.get("Responses"), list):
        answer["Responses"] = [
            each.get("Error", {}).get("Code", "") for each in answer["Responses"]
        ]
    return Answer(answer)


def refused(content: bytes, status: int = 400, rule: str = "") -> Answer:
    """An error: its code, and of a transaction the code of each reason."""
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return Answer(code=f"HTTP {status}")
    code = str(body.get("__type", f"HTTP {status}")).rpartition("#")[2]
    reasons = body.get("CancellationReasons") or ()
    return Answer(code=code, reasons=tuple(each.get("Code", "None") for each in reasons), rule=rule)


def _by_table(answer: Mapping[str, Any]) -> bool:
    return isinstance(answer.get("Responses"), dict)


def sorted_item(item: Any) -> Any:
    return dict(sorted(item.items()))
