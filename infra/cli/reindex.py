"""`keywright reindex`: rebuild the search index of a stage."""

import argparse
import json
import os
import sys

from infra.cli.stages import find_deployment, stage_options
from shared.store.patience import Patience
from shared.workflows.index_search import rebuild

_READ = ("customers", "licenses", "orders", "search")
_PROGRESS = 10_000


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    reindex = commands.add_parser(
        "reindex",
        parents=[stage_options()],
        help="rebuild the search index from the records",
        description="Write entries of the search index that are missing or wrong, and remove those"
        " without a record. It reads the tables with your AWS credentials, and the stage can be in"
        " use. Needed after an upgrade from a version without search, after tables were restored,"
        " and when changes in the queue of failures are older than a day.",
    )
    reindex.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    tables = find_deployment(options.stage).tables
    os.environ |= {f"{name.upper()}_TABLE": tables[name] for name in _READ}
    read = written = removed = shown = 0
    for part in rebuild(Patience(lambda: sys.maxsize, lambda: None)):
        read, written, removed = read + part.read, written + part.written, removed + part.removed
        if not options.json and read - shown >= _PROGRESS:
            shown = read
            print(f"Read {read:,} records and entries …", file=sys.stderr)
    if options.json:
        print(json.dumps({"read": read, "written": written, "removed": removed}))
    else:
        print(f"Read {read:,} records and entries: wrote {written:,} entries, removed {removed:,}.")
