"""The precondition of a change: the record is still as the client has read it.

A client that has shown a record to a person sends the `updated_at` that it has read. If the record
was changed since, the change is refused, unless it would make no difference: a retry of a change
that was applied succeeds.
"""

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from shared.errors import Conflict, Fault, Path
from shared.values import OptionalMoment

_SHOWN = 60
"""Characters of a stored value in a message."""

type Seen = Annotated[
    OptionalMoment,
    Field(
        description="The `updated_at` that the client has read. If the record was changed since,"
        " the response is the error `changed_meanwhile`."
    ),
]


def require_unchanged(
    what: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    seen: datetime | None,
    *,
    named: Collection[str],
    path: Path = (),
) -> None:
    """Raise Conflict if a record was changed after `seen`; both versions are JSON values.

    The faults are `updated_at`, and the `named` fields that the change would overwrite.
    """
    stored = before["updated_at"]
    if seen is None or seen == datetime.fromisoformat(stored):
        return
    message = f"{what} was changed at {stored}: read it again, and send its updated_at"
    overwritten = [
        Fault.at(
            (*path, name), "changed_meanwhile", f"{name} {_told(before[name])}", _value(after[name])
        )
        for name in sorted(named)
        if name != "updated_at" and name in before and before[name] != after[name]
    ]
    at = Fault.at((*path, "updated_at"), "changed_meanwhile", message, seen.isoformat())
    raise Conflict("changed_meanwhile", message, faults=[at, *overwritten])


def _told(stored: Any) -> str:
    if stored in (None, "", {}, []):
        return "has no value now"
    text = json.dumps(stored, ensure_ascii=False)
    return f"is {text} now" if len(text) <= _SHOWN else "has another value now"


def _value(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) else None
