"""Other languages' clients against 308: `make redirects`. Needs curl, and tries Go and PHP.

For each client it prints whether GET, POST and PATCH arrive with method, body and key.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.openapi_asset import use_openapi_asset
from tests.redirects.server import redirecting_server

HERE = Path(__file__).parent
BODY = '{"email": "ana@acme.example"}'
KEY = "Api-Key abcdefgh.secret"
REQUESTS = {
    "GET": "/api/v1/orders/?limit=3",
    "POST": "/api/v1/customers/",
    "PATCH": "/api/v1/customers/5/",
}


def clients(folder: Path) -> dict[str, list[str]]:
    """The command of each client that this machine has; method, URL and body follow it."""
    found: dict[str, list[str]] = {}
    if go := shutil.which("go"):
        built = folder / "client"
        subprocess.run([go, "build", "-o", built, HERE / "client.go"], check=True)
        found["Go net/http"] = [str(built)]
    if php := shutil.which("php"):
        script = [php, str(HERE / "client.php")]
        found["PHP streams"] = [*script, "streams"]
        found["PHP curl, as it is"] = [*script, "curl"]
        found["PHP curl, CURLOPT_FOLLOWLOCATION"] = [*script, "curl-following"]
    return found


def outcome(command: list[str], url: str, method: str, path: str) -> str:
    """What a client made of the 308."""
    ran = subprocess.run(
        [*command, method, url + path, BODY], capture_output=True, text=True, check=False
    )
    status, _, text = ran.stdout.strip().partition(" ")
    if status != "200":
        return f"not followed ({status or ran.stderr.strip()[-80:]})"
    got = json.loads(text)
    wanted = {
        "method": method,
        "path": path.replace("/?", "?").rstrip("/"),
        "body": "" if method == "GET" and not got["body"] else BODY,
        "authorization": KEY,
    }
    wrong = [f"{name} {got[name]!r}" for name in wanted if got[name] != wanted[name]]
    return f"followed with another {', '.join(wrong)}" if wrong else "followed"


def main() -> None:
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the functions' own log
    with (
        TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
        redirecting_server() as url,
    ):
        use_openapi_asset(patch)
        found = clients(Path(folder))
        for name, command in found.items():
            for method, path in REQUESTS.items():
                result = outcome(command, url, method, path)
                print(f"{name}: {method} {result}", file=out, flush=True)
    sys.exit(None if found else "Neither Go nor PHP is here: apt-get install golang-go php-curl")


if __name__ == "__main__":
    main()
