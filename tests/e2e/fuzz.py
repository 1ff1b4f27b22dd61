"""Send malformed requests to every operation: `python -m tests.e2e.fuzz --seconds 600 --seed 1`.

schemathesis makes them of the stack's own OpenAPI document, and holds every answer to it.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

from infra.stamp import ROOT

SETTINGS = Path(__file__).with_name("schemathesis.toml")


def fuzz(api_url: str, key: str, *, seconds: int, seed: int) -> tuple[int, str, int]:
    """Exit status, what was found as text, and how many requests were made up."""
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("schemathesis"), "--config-file", SETTINGS),
            *("--no-color", "run", f"{api_url}/openapi.json", "--url", api_url),
            *("--header", f"Authorization: Api-Key {key}"),
            *("--max-time", str(seconds), "--seed", str(seed), "--no-shrink"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    made = re.search(r"(\d[\d,]*) generated", done.stdout)
    cases = int(made[1].replace(",", "")) if made else 0
    return done.returncode, done.stdout + done.stderr, cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    stack = json.loads((ROOT / ".local" / "stack.json").read_text())
    status, found, cases = fuzz(
        stack["api_url"], stack["api_key"], seconds=options.seconds, seed=options.seed
    )
    print(found)
    print(f"{cases} requests, seed {options.seed}")
    sys.exit(status)


if __name__ == "__main__":
    main()
