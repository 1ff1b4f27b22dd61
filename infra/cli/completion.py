"""`keywright completion`: print a script that completes commands and options in a shell."""

import argparse
from collections.abc import Callable, Mapping

SHELLS = ("bash", "zsh", "fish")
_FILES = ("file", "out")
"""Arguments that are names of files."""


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", parser: argparse.ArgumentParser
) -> None:
    """Add `keywright completion`; `parser` is the parser of the whole command."""
    command = commands.add_parser(
        "completion", help="print a completion script for bash, zsh or fish"
    )
    command.add_argument("shell", choices=SHELLS, help="the shell that reads the script")
    command.set_defaults(run=_printer(parser))


def _printer(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], None]:
    def run(options: argparse.Namespace) -> None:
        import shtab  # noqa: PLC0415  # no other command needs it

        _complete_files(parser, shtab.FILE)
        print(shtab.complete(parser, options.shell))

    return run


def _complete_files(parser: argparse.ArgumentParser, files: Mapping[str, object]) -> None:
    for action in parser._actions:  # noqa: SLF001  # argparse has no public list
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # no public name
            for each in action.choices.values():
                _complete_files(each, files)
        elif action.dest in _FILES:
            action.complete = files  # type: ignore[attr-defined]  # read by shtab
