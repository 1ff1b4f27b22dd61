"""The table of replayed calls in docs/compatibility.md.

`python -m tests.e2e.clients.table PAGE` rewrites it; `make docs` runs it.
"""

import re
import sys
from itertools import groupby
from pathlib import Path

from tests.e2e.clients.calls import CALLS

_HEAD = "| calls | applications | replayed | served | not served |\n|---|---|---|---|---|\n"


def with_table(page: str) -> str:
    """Return the page with the current table; the rest of the page is written by hand."""
    rows = []
    for group, found in groupby(CALLS, key=lambda call: call.group):
        calls = list(found)
        missing = ", ".join(f"`{call.method} {call.path}`" for call in calls if not call.is_served)
        served = sum(call.is_served for call in calls)
        rows.append(
            f"| {group} | {calls[0].applications} | {len(calls)} | {served} | {missing} |\n"
        )
    served = sum(call.is_served for call in CALLS)
    rows.append(f"| all | 7 | {len(CALLS)} | {served} | |\n")
    before, _, behind = page.partition(_HEAD)
    return before + _HEAD + "".join(rows) + re.sub(r"\A(\|.*\n)*", "", behind)


def main() -> None:
    page = Path(sys.argv[1])
    page.write_text(with_table(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
