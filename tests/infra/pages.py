"""Run the examples of a page: its commands on the served stage, its requests, and what they show.

A block `sh` has commands: those of keywright run on the stage, all others in a shell. A block
`text` is what the block before it prints, without most of it: each line must be there. A block
`http` has requests, of which a block `json` after it has the response, or a part of it.
"""

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.cli.main import main
from tests.infra.served import Keywright

_BLOCK = re.compile(r"^```(sh|text|http|json)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"cat > \S+ <<'END'\n.*?^END$|[^\n]+", re.DOTALL | re.MULTILINE)
ANY = "…"
"""Stands for any value in a response."""


@dataclass
class Page:
    """A page that is run in a folder."""

    keywright: Keywright
    get: Callable[[str], Any]
    """The response to a GET request, as JSON."""
    folder: Path
    printed: str = ""
    response: Any = None

    def run(self, text: str) -> int:
        """Run the blocks of a text in turn; return how many there are."""
        blocks = _BLOCK.findall(text)
        for kind, block in blocks:
            getattr(self, f"_{kind}")(block)
        return len(blocks)

    def _sh(self, block: str) -> None:
        self.printed, before = "", self.printed
        for command in _COMMAND.findall(block.replace("\\\n", " ")):
            words = shlex.split(command, comments=True)
            if words and words[0] == "keywright":
                if "HASH" in words:
                    found = re.search(r"--hash (\w+)", before + self.printed)
                    assert found, before + self.printed
                    words[words.index("HASH")] = found[1]
                main([*words[1:], "--stage", "test"])
                shown = self.keywright.out.readouterr()
                self.printed += shown.out + shown.err
            elif words:
                subprocess.run(["/bin/sh", "-e", "-c", command], cwd=self.folder, check=True)

    def _text(self, block: str) -> None:
        printed = _plain(self.printed)
        for line in block.splitlines():
            assert _plain(line) in printed, f"{line}\n\n{self.printed}"

    def _http(self, block: str) -> None:
        method, _, path = block.strip().partition(" ")
        assert method == "GET"
        self.response = self.get(path)

    def _json(self, block: str) -> None:
        expected = json.loads(block)
        assert _part(self.response, expected) == expected, self.response


def _plain(text: str) -> str:
    """A text without the lines of tables, and with single blanks."""
    return " ".join(re.sub(r"[\u2500-\u257f]", " ", text).split())


def _part(value: Any, like: Any) -> Any:
    """What a value has of what is expected."""
    if like == ANY:
        return like
    match value, like:
        case dict(), dict():
            return {name: _part(value[name], each) for name, each in like.items() if name in value}
        case list(), list():
            return [_part(*pair) for pair in zip(value, like, strict=False)]
    return value
