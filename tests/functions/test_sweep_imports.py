"""The sweep of imports: files that no event told of, and jobs that nobody works on."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions import sweep
from shared.imports import State
from shared.store import imports, uploads
from tests.engine import Engine, execution_arn
from tests.functions.import_desk import Desk
from tests.functions.log_lines import Out
from tests.wiretap import failed, meanwhile, tapped

ARN = execution_arn("acme-1-1")


@pytest.fixture(autouse=True)
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happened in a test so far happened long ago."""
    for name in ("LEFT_ALONE", "UPLOAD_WITHIN", "EVENT_TAKES"):
        monkeypatch.setattr(sweep, name, timedelta(seconds=-2))


def swept() -> dict[str, int]:
    done = sweep.handler({}, LambdaContext())
    return {name: count for name, count in done.items() if count}


def drop(key: str) -> str:
    return uploads.client().put_object(Bucket="uploads", Key=key, Body=b"x")["VersionId"]


def test_a_file_that_no_event_told_of_is_announced(desk: Desk, engine: Engine, out: Out) -> None:
    version = drop("acme/licenses/Ä b+c.csv")
    other = drop("globex/customers/a.csv")

    assert swept() == {"announced": 2}

    assert engine.announced == [
        ("acme/licenses/Ä b+c.csv", version),
        ("globex/customers/a.csv", other),
    ]
    told = [line for line in out() if line.get("message") == "import_announced"]
    assert [(line["company"], line["kind"]) for line in told] == [
        ("acme", "licenses"),
        ("globex", "customers"),
    ]
    assert {line["version_id"] for line in told} == {version, other}
    assert ".csv" not in str(told)


def test_a_file_that_was_overwritten_is_announced_in_each_version(
    desk: Desk, engine: Engine
) -> None:
    versions = {drop("acme/licenses/a.csv") for _ in range(2)}

    swept()

    assert {version for _, version in engine.announced} == versions


def test_a_file_with_a_job_is_left_alone(desk: Desk, engine: Engine) -> None:
    version = drop("acme/licenses/a.csv")
    imports.claim_object("uploads", "acme/licenses/a.csv", version, 1, now=datetime.now(UTC))
    desk.move(1, "succeeded")
    desk.chunk(desk.job(1), 0)
    drop("readme.txt")

    assert swept() == {}
    assert engine.invoked == []


def test_a_file_that_has_just_come_or_is_old_is_left_alone(
    desk: Desk, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("acme/licenses/a.csv")

    monkeypatch.setattr(sweep, "EVENT_TAKES", timedelta(minutes=2))
    assert swept() == {}
    monkeypatch.setattr(sweep, "EVENT_TAKES", timedelta(seconds=-2))
    monkeypatch.setattr(sweep, "LOOKED_BACK", timedelta(seconds=-1))
    assert swept() == {}


@pytest.mark.parametrize("state", ["queued", "validating", "running"])
def test_a_job_that_nobody_works_on_is_run_again(desk: Desk, engine: Engine, state: State) -> None:
    desk.move(desk.dropped().number, state, runner="r1")

    assert swept() == {"resumed": 1}

    job = desk.job(1)
    assert (job.state, job.attempts, job.runner) == ("queued", 2, None)
    assert engine.announced == [("acme/licenses/a.csv", "v1")]


def test_a_job_that_stops_again_and_again_fails(desk: Desk, engine: Engine, out: Out) -> None:
    desk.dropped()

    counts = [swept() for _ in range(4)]

    assert counts == [{"resumed": 1}, {"resumed": 1}, {"resumed": 1}, {}]
    job = desk.job(1)
    assert (job.state, job.attempts) == ("failed", 3)
    assert job.refusal is not None
    assert job.refusal.code == "no_progress"
    assert len(engine.invoked) == 2
    assert [line["ImportFailed"] for line in out() if "ImportFailed" in line] == [[1.0]]


def test_the_age_of_the_oldest_import_is_told(
    desk: Desk, engine: Engine, out: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "LEFT_ALONE", timedelta(minutes=15))
    swept()
    desk.ask()
    swept()
    begun = datetime.now(UTC) - timedelta(hours=3)
    desk.move(desk.dropped().number, "running", started_at=begun)
    desk.dropped(version="v2")
    swept()

    first, awaited, old = (
        line["OldestImportAge"][0] for line in out() if "OldestImportAge" in line
    )
    assert (first, awaited) == (0, 0)
    assert 3 * 3600 <= old < 4 * 3600


def test_a_job_that_was_heard_of_lately_is_left_alone(
    desk: Desk, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "LEFT_ALONE", timedelta(minutes=15))
    desk.move(desk.dropped().number, "running")

    assert swept() == {}


def test_a_job_whose_execution_runs_is_left_to_it(desk: Desk, engine: Engine) -> None:
    desk.move(desk.dropped().number, "running", execution_arn=ARN)

    assert swept() == {}

    assert engine.operations == ["DescribeExecution"]
    assert desk.job(1).state == "running"


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_a_job_whose_execution_ended_unheard_goes_on(
    desk: Desk, engine: Engine, status: str
) -> None:
    desk.move(desk.dropped().number, "running", execution_arn=ARN)
    engine.status = status

    assert swept() == {"resumed": 1}

    assert engine.operations == ["DescribeExecution", "RedriveExecution"]
    assert engine.invoked == []


def test_a_job_that_gets_on_meanwhile_is_left_alone(desk: Desk, engine: Engine) -> None:
    desk.move(desk.dropped().number, "running")

    with tapped() as tap:
        tap.on("TransactWriteItems", meanwhile(lambda: desk.move(1, "succeeded")))
        assert swept() == {}

    assert desk.job(1).state == "succeeded"
    assert engine.invoked == []


def test_a_job_whose_file_never_came_fails(desk: Desk, engine: Engine) -> None:
    desk.ask()

    assert swept() == {"given_up": 1}

    job = desk.job(1)
    assert job.state == "failed"
    assert job.refusal is not None
    assert job.refusal.code == "never_uploaded"
    assert engine.invoked == []


def test_a_job_is_given_a_day_for_its_file(
    desk: Desk, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "UPLOAD_WITHIN", timedelta(hours=24))
    desk.ask()

    assert swept() == {}


def test_one_concern_that_fails_keeps_none_of_the_others(
    desk: Desk, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("acme/licenses/a.csv")

    def fail(*_: Any) -> int:
        raise ConnectionError

    concerns = dict(sweep._CONCERNS) | {"resumed": ("ImportResumed", fail)}  # noqa: SLF001
    monkeypatch.setattr(sweep, "_CONCERNS", concerns)

    with pytest.raises(ExceptionGroup):
        swept()

    assert len(engine.invoked) == 1


def test_a_throttled_read_is_left_for_the_next_run(desk: Desk, engine: Engine) -> None:
    desk.dropped()

    with tapped() as tap:
        for nth in (1, 2, 3):
            tap.on("Query", failed, nth=nth)
        with pytest.raises(ExceptionGroup):
            swept()

    assert desk.job(1).state == "queued"
