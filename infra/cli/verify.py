"""`keywright verify`: prove step by step that a deployed stage works.

It uses a new company with its own API key. Exit status 1 if a step failed. A step that a stage
can't prove, such as throttling on the local stage, is reported as not proved and is no failure.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape

from infra.cli import trial_imports as imports
from infra.cli import trial_orders as orders
from infra.cli import trial_release as release
from infra.cli.findings import NotReady
from infra.cli.health import settings_of
from infra.cli.preflight import set_option
from infra.cli.stages import FOUND_PROBLEMS, add_subcommand, find_deployment
from infra.cli.trial import Failed, NotProved, Trial, open_trial
from infra.client.connection import ApiProblem

type Outcome = Literal["proved", "not proved", "failed"]
SIGNS: dict[Outcome, str] = {
    "proved": "[green]✓[/]",
    "not proved": "[yellow]?[/]",
    "failed": "[red]✗[/]",
}

STEPS: dict[str, Callable[[Trial], str]] = {
    "catalog": orders.make_catalog,
    "key": orders.refuse_wrong_key,
    "slash": orders.place_with_and_without_slash,
    "bundle": orders.place_bundle,
    "append": orders.append_to_order,
    "large-order": orders.place_large_order,
    "interrupted-order": orders.roll_back_interrupted_order,
    "reversed-dates": orders.refuse_reversed_dates,
    "form": imports.import_by_form,
    "presigned": imports.import_presigned,
    "dropped": imports.import_dropped,
    "reject-all": imports.reject_whole_file,
    "many-rows": imports.import_many_rows,
    "large-file": imports.import_large_file,
    "cancel": imports.cancel_import,
    "retry": imports.retry_import,
    "second-deploy": release.deploy_again,
    "rollback": release.roll_back_a_deploy,
}
"""The steps in order: some need the records of earlier steps. Each returns what it proved."""


@dataclass(frozen=True)
class Result:
    """The outcome of one step."""

    step: str
    outcome: Outcome
    message: str
    seconds: float


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = add_subcommand(commands, "verify", _run, "prove that a deployed stage works")
    command.add_argument(
        "--rows", type=int, help="rows of the largest import; default: 500,000, or 2,000 locally"
    )
    command.add_argument(
        "--megabytes", type=int, help="size of the large file; default: 40, or 3 locally"
    )
    command.add_argument(
        "--only",
        type=_steps,
        default=tuple(STEPS),
        metavar="A,B",
        help=f"run only these steps, from {', '.join(STEPS)}",
    )
    command.add_argument(
        "--rollback",
        action="store_true",
        help="also prove that a deploy is rolled back when an alarm is raised",
    )
    command.add_argument(
        "--yes", action="store_true", help="run also on a stage that retains its data, such as prod"
    )
    set_option(command)


def _run(options: argparse.Namespace) -> int:
    stage = find_deployment(options.stage)
    if settings_of(stage.name).get("retain") and not options.yes:
        raise NotReady(
            f"The stage {stage.name} retains its data, so the records that verify creates would"
            " stay in it: verify dev instead, or add --yes."
        )
    local = stage.name == "local"
    console = Console(highlight=False, soft_wrap=True, quiet=options.json)
    results = []
    with open_trial(
        stage,
        rows=options.rows or (2_000 if local else 500_000),
        megabytes=options.megabytes or (3 if local else 40),
        settings=options.set,
        rollback=options.rollback,
    ) as trial:
        console.print(f"Verifying {stage.name} at {stage.api_url} with the company {trial.company}")
        for result in prove(trial, options.only):
            results.append(result)
            line = f"{SIGNS[result.outcome]} {result.step}: {escape(result.message)}"
            console.print(f"{line} [dim]{result.seconds:.1f} s[/]")
    failed = [result for result in results if result.outcome == "failed"]
    _show_summary(console, results, trial)
    if options.json:
        steps = [asdict(result) for result in results]
        print(json.dumps({"ok": not failed, "company": trial.company, "steps": steps}))
    return FOUND_PROBLEMS if failed else 0


def prove(trial: Trial, names: Sequence[str]) -> Iterator[Result]:
    """Run the steps and yield the result of each; later steps run even if one fails."""
    for name in names:
        started = time.monotonic()
        outcome, message = _outcome(trial, STEPS[name])
        yield Result(name, outcome, message, round(time.monotonic() - started, 3))


def _outcome(trial: Trial, step: Callable[[Trial], str]) -> tuple[Outcome, str]:
    try:
        return "proved", step(trial)
    except NotProved as reason:
        return "not proved", str(reason)
    except (Failed, ApiProblem, ClientError, BotoCoreError) as error:
        return "failed", str(error)


def _show_summary(console: Console, results: Sequence[Result], trial: Trial) -> None:
    counts = {outcome: sum(result.outcome == outcome for result in results) for outcome in SIGNS}
    summary = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    console.print(f"\n{summary}.")
    console.print(
        f"Revoked the API key and deleted the files. The records of {trial.company} stay in the"
        " tables, where no other company can see them."
    )
    if counts["failed"]:
        console.print("What each step means: docs/deploy.md, “Verify”.")


def _steps(text: str) -> tuple[str, ...]:
    named = tuple(part.strip() for part in text.split(",") if part.strip())
    if unknown := [name for name in named if name not in STEPS]:
        raise argparse.ArgumentTypeError(
            f"unknown step {', '.join(unknown)}: choose from {', '.join(STEPS)}"
        )
    return named
