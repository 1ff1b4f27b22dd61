"""The sweep of imports: files without an event, and jobs without a worker."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions import import_csv, sweep
from shared.import_job import KINDS, State
from shared.store import import_jobs, object_claims, unknown_files, uploads
from shared.store.object_claims import Version
from shared.workflows import lost_files, stuck_imports
from tests.engine import execution_arn
from tests.functions.import_files import Context
from tests.functions.importer import Importer, new_importer
from tests.functions.log_lines import Out
from tests.wiretap import failed, meanwhile, tapped

ARN = execution_arn("acme-1-1")


@pytest.fixture(autouse=True)
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happened in a test so far happened long ago."""
    for module, name in (
        (stuck_imports, "LEFT_ALONE"),
        (stuck_imports, "UPLOAD_WITHIN"),
        (lost_files, "EVENT_TAKES"),
    ):
        monkeypatch.setattr(module, name, timedelta(seconds=-2))


@pytest.fixture(autouse=True)
def globex(importer: Importer) -> Importer:
    """Another company that imports."""
    return new_importer("globex")


def swept() -> dict[str, int]:
    done = sweep.handler({}, LambdaContext())
    return {name: count for name, count in done.items() if count}


@contextmanager
def s3_calls() -> Iterator[Counter[str]]:
    """How often each operation of S3 was called."""
    counts: Counter[str] = Counter()

    def note(event_name: str, **_: Any) -> None:
        counts[event_name.rpartition(".")[2]] += 1

    events: Any = uploads.client().meta.events  # the stubs know few events
    events.register("before-send.s3.*", note)
    try:
        yield counts
    finally:
        events.unregister("before-send.s3.*", note)


def drop(key: str) -> str:
    return uploads.client().put_object(Bucket="uploads", Key=key, Body=b"x")["VersionId"]


def test_a_file_without_an_event_is_announced(importer: Importer, out: Out) -> None:
    version = drop("acme/licenses/Ä b+c.csv")
    other = drop("globex/customers/a.csv")

    assert swept() == {"announced": 2}

    assert importer.engine.announced == [
        ("acme/licenses/Ä b+c.csv", version),
        ("globex/customers/a.csv", other),
    ]
    logged = [line for line in out() if line.get("message") == "import_announced"]
    assert [(line["company"], line["kind"]) for line in logged] == [
        ("acme", "licenses"),
        ("globex", "customers"),
    ]
    assert {line["version_id"] for line in logged} == {version, other}
    assert ".csv" not in str(logged)


def test_a_file_that_was_overwritten_is_announced_in_each_version(importer: Importer) -> None:
    versions = {drop("acme/licenses/a.csv") for _ in range(2)}

    swept()

    assert {version for _, version in importer.engine.announced} == versions


def test_a_file_with_a_job_is_left_alone(importer: Importer) -> None:
    version = drop("acme/licenses/a.csv")
    object_claims.claim_object("uploads", "acme/licenses/a.csv", version, 1, now=datetime.now(UTC))
    importer.move(1, "succeeded")
    importer.chunk(importer.job(1), 0)
    drop("readme.txt")

    assert swept() == {}
    assert importer.engine.invoked == []


def test_a_file_that_has_just_come_is_left_to_its_event(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("acme/licenses/a.csv")

    monkeypatch.setattr(lost_files, "EVENT_TAKES", timedelta(minutes=2))
    assert swept() == {}
    monkeypatch.setattr(lost_files, "EVENT_TAKES", timedelta(seconds=-2))
    assert swept() == {"announced": 1}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_a_job_waits_for_is_found_at_its_key(
    importer: Importer, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(stuck_imports, "UPLOAD_WITHIN", timedelta(hours=24))
    monkeypatch.setattr(lost_files, "MOST_LISTINGS", 0)
    importer.request_upload(kind=kind)
    importer.request_upload(kind=kind)
    version = drop(importer.job(2).key)

    with s3_calls() as counts:
        assert swept() == {"found": 1}

    assert importer.engine.announced == [(importer.job(2).key, version)]
    assert counts == {"HeadObject": 2}


def test_jobs_take_turns_if_many_wait(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost_files, "MOST_LOOKED_UP", 2)
    waiting = [importer.job(importer.request_upload().json()["id"]) for _ in range(5)]
    keys = {job.key for job in waiting for _ in drop(job.key)[:1]}
    now = datetime.now(UTC)

    counts = [
        len([*lost_files.announce_uploads(waiting, now + n * lost_files.SWEPT_EVERY)])
        for n in range(3)
    ]

    assert counts == [2, 2, 2]
    assert {key for key, _ in importer.engine.announced} == keys


@pytest.mark.parametrize(("hours", "state"), [(25, "awaiting_upload"), (49, "failed")])
def test_a_job_whose_file_came_unheard_is_given_a_day_more(
    importer: Importer, monkeypatch: pytest.MonkeyPatch, hours: int, state: State
) -> None:
    monkeypatch.setattr(stuck_imports, "UPLOAD_WITHIN", timedelta(hours=24))
    importer.request_upload()
    version = drop(importer.job(1).key)

    run = stuck_imports.SweepRun(datetime.now(UTC) + timedelta(hours=hours))
    list(stuck_imports.give_up_uploads(run))

    assert importer.job(1).state == state
    if state == "awaiting_upload":
        assert importer.engine.announced == [(importer.job(1).key, version)]


def test_the_jobs_that_have_not_ended_are_read_once(importer: Importer) -> None:
    importer.request_upload()
    importer.move(importer.dropped().number, "running")

    with tapped() as tap:
        swept()

    unfinished = [
        body
        for body in tap.bodies("Query")
        if body["ExpressionAttributeValues"].get(":pk") == {"S": "unfinished#"}
    ]
    assert len(unfinished) == 1


# Files of a company without an API key


def test_a_file_of_an_unknown_company_is_kept_and_logged(importer: Importer, out: Out) -> None:
    version = drop("nobody/customers/secret-name.csv")
    tell("nobody/customers/secret-name.csv", version)
    tell("nobody/customers/secret-name.csv", version)

    assert [swept() for _ in range(2)] == [{}, {}]

    assert list(import_jobs.list_jobs("nobody")) == []
    assert importer.engine.invoked == []
    lines = out()
    logged = [line for line in lines if line.get("message") == "unknown_company"]
    assert [(line["company"], line["level"]) for line in logged] == [("nobody", "WARNING")] * 2
    assert "secret-name" not in str(lines)
    assert [line["UnknownCompany"] for line in lines if "UnknownCompany" in line] == [[1.0]] * 2


def test_a_file_of_an_unknown_company_is_imported_once_when_there_is_a_key(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPORT_INLINE_BYTES", "1000")
    version = drop("nobody/customers/a.csv")
    tell("nobody/customers/a.csv", version)
    other = drop("noone/customers/a.csv")
    tell("noone/customers/a.csv", other)
    swept()

    nobody = new_importer("nobody")
    assert [swept(), swept()] == [{"known": 1}, {"known": 1}]  # its first event may be lost
    for key, announced in importer.engine.announced:
        tell(key, announced)

    assert importer.engine.announced == [("nobody/customers/a.csv", version)] * 2
    assert nobody.job(1).version_id == version
    assert [job.number for job in import_jobs.list_jobs("nobody")] == [1]
    assert [swept(), swept()] == [{}, {}]
    assert unknown_files.companies(9) == ["noone"]


def test_companies_without_a_key_take_turns_if_they_are_many(importer: Importer) -> None:
    names = [f"nobody-{n}" for n in range(5)]
    for name in names:
        for file in range(2):
            unknown_files.keep(Version("uploads", f"{name}/customers/{file}.csv", "v1", 1))

    seen = [unknown_files.companies(2) for _ in range(4)]

    assert seen == [names[:2], names[2:4], names[4:], names[:2]]


def tell(key: str, version: str) -> None:
    """S3's event of an object; the import that it starts finds the file gone, or is refused."""
    stored = {"key": quote_plus(key), "size": 1, "versionId": version}
    record = {"s3": {"bucket": {"name": "uploads"}, "object": stored}}
    import_csv.handler({"Records": [record]}, Context())


@pytest.mark.parametrize("state", ["queued", "validating", "running"])
def test_a_job_without_a_worker_is_run_again(importer: Importer, state: State) -> None:
    importer.move(importer.dropped().number, state, runner="r1")

    assert swept() == {"resumed": 1}

    job = importer.job(1)
    assert (job.state, job.attempts, job.runner) == ("queued", 2, None)
    assert importer.engine.announced == [("acme/licenses/a.csv", "v1")]


def test_a_job_that_stops_again_and_again_fails(importer: Importer, out: Out) -> None:
    importer.dropped()

    counts = [swept() for _ in range(4)]

    assert counts == [{"resumed": 1}, {"resumed": 1}, {"resumed": 1}, {}]
    job = importer.job(1)
    assert (job.state, job.attempts) == ("failed", 3)
    assert job.refusal is not None
    assert job.refusal.code == "no_progress"
    assert len(importer.engine.invoked) == 2
    assert [line["ImportFailed"] for line in out() if "ImportFailed" in line] == [[1.0]]


def test_the_age_of_the_oldest_import_is_a_metric(
    importer: Importer, out: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stuck_imports, "LEFT_ALONE", timedelta(minutes=15))
    swept()
    importer.request_upload()
    swept()
    started = datetime.now(UTC) - timedelta(hours=3)
    importer.move(importer.dropped().number, "running", started_at=started)
    importer.dropped(version="v2")
    swept()

    first, awaited, old = (
        line["OldestImportAge"][0] for line in out() if "OldestImportAge" in line
    )
    assert (first, awaited) == (0, 0)
    assert 3 * 3600 <= old < 4 * 3600


def test_a_job_that_was_heard_of_lately_is_left_alone(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stuck_imports, "LEFT_ALONE", timedelta(minutes=15))
    importer.move(importer.dropped().number, "running")

    assert swept() == {}


def test_a_job_whose_execution_runs_is_left_to_it(importer: Importer) -> None:
    importer.move(importer.dropped().number, "running", execution_arn=ARN)

    assert swept() == {}

    assert importer.engine.operations == ["DescribeExecution"]
    assert importer.job(1).state == "running"


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_a_job_whose_execution_ended_unheard_goes_on(importer: Importer, status: str) -> None:
    importer.move(importer.dropped().number, "running", execution_arn=ARN)
    importer.engine.status = status

    assert swept() == {"resumed": 1}

    assert importer.engine.operations == ["DescribeExecution", "RedriveExecution"]
    assert importer.engine.invoked == []


def test_a_job_that_gets_on_meanwhile_is_left_alone(importer: Importer) -> None:
    importer.move(importer.dropped().number, "running")

    with tapped("TransactWriteItems", meanwhile(lambda: importer.move(1, "succeeded"))):
        assert swept() == {}

    assert importer.job(1).state == "succeeded"
    assert importer.engine.invoked == []


def test_a_job_whose_file_never_came_fails(importer: Importer) -> None:
    importer.request_upload()

    assert swept() == {"given_up": 1}

    job = importer.job(1)
    assert job.state == "failed"
    assert job.refusal is not None
    assert job.refusal.code == "never_uploaded"
    assert importer.engine.invoked == []


def test_a_job_is_given_a_day_for_its_file(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stuck_imports, "UPLOAD_WITHIN", timedelta(hours=24))
    importer.request_upload()

    assert swept() == {}


def test_one_concern_that_fails_keeps_none_of_the_others(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("acme/licenses/a.csv")

    def fail(*_: Any) -> int:
        raise ConnectionError

    concerns = dict(sweep._CONCERNS) | {"resumed": ("ImportResumed", fail)}  # noqa: SLF001
    monkeypatch.setattr(sweep, "_CONCERNS", concerns)

    with pytest.raises(ExceptionGroup):
        swept()

    assert len(importer.engine.invoked) == 1


def test_a_throttled_read_is_left_for_the_next_run(importer: Importer) -> None:
    importer.dropped()

    with tapped() as tap:
        for nth in (1, 2, 3):
            tap.on("Query", failed, nth=nth)
        with pytest.raises(ExceptionGroup):
            swept()

    assert importer.job(1).state == "queued"
