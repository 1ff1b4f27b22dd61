"""What the browser knows of a validator, for the check of a file before its upload."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class BrowserRule:
    """In `Annotated[...]` after a validator: the validator's step in the browser's check of a cell.

    `step` is interpreted by functions/console/static/csv/rules.js; an empty one leaves the check to
    the server. `sample` is a cell that the validator rejects; its code and message become those of
    the step. Without a sample, the validator rejects nothing that the browser can tell.
    """

    step: Mapping[str, Any] = field(default_factory=dict)
    sample: str | None = None
