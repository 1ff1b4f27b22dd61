"""The proof's report for developers: function, action, resource, and where."""

from collections.abc import Iterator, Sequence

from infra.stamp import ROOT
from tests.grants.proof import Finding
from tests.grants.recorder import Problem
from tests.grants.template import Grant, short

_PLACES = {
    "functions.import_csv": ("_grant_access", "infra/imports.py"),
    "functions.export_chunk": ("_grant_access", "infra/exports.py"),
    "functions.console.handler": ("_console", "infra/stack.py"),
}
_PAGE = "Then write docs/security.md again: make docs."


def refused(problem: Problem) -> str:
    """The message of a test whose call AWS would refuse."""
    module, call, why, grant = problem
    if grant is None:
        return f"This call can't be compared with prod's policies: {module}, {call}: {why}."
    return (
        f"AWS would refuse a call that this test makes: {module} {why} (in prod's policies).\n"
        f"  Call: {call}\n"
        f"  If the call is meant, grant it in {_place(module)}: {_grant(grant)}\n"
        f"  {_PAGE}"
    )


def table_of(
    missing: Sequence[Finding], unused: Sequence[Finding], stale: Sequence[tuple[str, str]]
) -> list[str]:
    """The lines that say why the session fails; none if it need not."""
    lines: list[str] = []
    if missing:
        lines += ["grants: needed, and not granted in stage prod:", *_rows(missing), f"  {_PAGE}"]
    if unused:
        lines += [
            "grants: granted in stage prod, and needed by no call in tests/functions:",
            *_rows(unused),
            "  Drop the verb there, test the handler where it needs it, or say in",
            f"  tests/grants/reasons.py why it stays. {_PAGE}",
        ]
    if stale:
        lines += [
            "grants: reasons in tests/grants/reasons.py for what is not granted, or is needed:",
            *(f"  {module:<24} {action}" for module, action in stale),
        ]
    return lines


def _rows(findings: Sequence[Finding]) -> Iterator[str]:
    for module, grant in findings:
        yield f"  {module:<24} {grant!s:<72} {_place(module)}"


def _place(module: str) -> str:
    """The method that grants what a function may do; the file alone where there is none."""
    method, path = _PLACES.get(module, (f"_{module.rpartition('.')[2]}", "infra/stack.py"))
    exists = f"def {method}(" in (ROOT / path).read_text(encoding="utf-8")
    return f"{method} in {path}" if exists else path


def _grant(grant: Grant) -> str:
    """The call of infra.function.Function that grants it, as far as it is known."""
    service, _, verb = grant.action.partition(":")
    name = short(grant.resource)
    if service == "dynamodb":
        table, _, index = name.removeprefix("table/Data").partition("/index/")
        more = f', indexes=("{index}",)' if index else ""
        return f'may("{verb}", on=data.{table.lower()}{more})'
    if service == "s3" and "/" in name:
        return f'may_on_files("{verb}", on=data, under=…), for the key {name.partition("/")[2]}'
    if service == "s3":
        return f'may_list("{verb}", on=data)'
    return str(grant)
