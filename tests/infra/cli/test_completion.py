"""`keywright completion`, as a shell reads it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from infra.cli.completion import SHELLS
from infra.cli.main import main

type Out = pytest.CaptureFixture[str]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_knows_every_command(shell: str, capsys: Out) -> None:
    assert main(["completion", shell]) == 0

    script = capsys.readouterr().out
    for word in ("licenses", "customers", "orders", "change", "oldest-first", "completion"):
        assert word in script


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("keywright lic", {"licenses"}),
        ("keywright licenses ", {"list", "show", "change", "disable", "enable"}),
        ("keywright licenses list --ol", {"--oldest-first"}),
        ("keywright completion ", set(SHELLS)),
        ("keywright import --kind ", {"licenses", "customers", "license-features"}),
        ("keywright orders create order.j", {"order.json"}),
    ],
)
def test_bash_completes_a_line(line: str, offered: set[str], capsys: Out, tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash
    main(["completion", "bash"])
    (tmp_path / "script").write_text(capsys.readouterr().out)
    (tmp_path / "order.json").touch()
    words = [*line.split(), *([""] if line.endswith(" ") else [])]
    typed = " ".join(f"'{word}'" for word in words)

    run = f"""
        source ./script
        COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; COMP_LINE='{line}'
        {FUNCTION}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        [bash, "--norc", "-c", run], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert offered <= {each.rstrip() for each in done.stdout.splitlines()}, done.stderr


FUNCTION = """
    handler=$(complete -p keywright | sed -E 's/.* -F ([^ ]+) .*/\\1/')
    $handler keywright "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
"""
"""Call the function that the script registers, as readline does."""
