"""`make faults`: run seeded schedules of faults on the real code.

Prints its progress, and for each violation the seed and the command that reproduces it; with
N=1, every event. Exits with 1 if an invariant was violated.
"""

import argparse
import sys
import time
from collections import Counter

from tests.faults.laboratory import laboratory
from tests.faults.schedules import KINDS, replay

_EVERY = 15


def main() -> int:
    """Run the schedules that the arguments select."""
    arguments = _arguments()
    out, began, reported = sys.stdout, time.monotonic(), 0.0
    totals: Counter[str] = Counter()
    with laboratory() as lab:
        clock = lab.real_clock
        began = reported = clock()
        for kind in KINDS if arguments.kind == "all" else [arguments.kind]:
            for seed in range(arguments.seed, arguments.seed + arguments.n):
                world, violations = KINDS[kind](lab, seed)
                totals += Counter(schedules=1, calls=world.calls, faults=world.injected)
                totals["violations"] += len(violations)
                if arguments.n == 1:
                    print(*world.journal, sep="\n", file=out)
                if violations:
                    print(f"{kind} {seed}:", *violations[:5], sep="\n  ", file=out)
                    print(f"  reproduce: {replay(kind, seed)}", file=out)
                if clock() - reported > _EVERY:
                    reported = clock()
                    print(f"{kind} {seed}: {_shown(totals)}", file=out, flush=True)
        took = clock() - began
    print(f"{_shown(totals)}, {took:.0f} s", file=out)
    return 1 if totals["violations"] else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--n", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=(*KINDS, "all"), default="all")
    return parser.parse_args()


def _shown(totals: Counter[str]) -> str:
    names = ("schedules", "calls", "faults", "violations")
    return ", ".join(f"{totals[name]:,} {name}" for name in names)


if __name__ == "__main__":
    sys.exit(main())
