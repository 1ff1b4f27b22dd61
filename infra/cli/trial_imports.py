"""Steps of `keywright verify` for imports: every upload method, final states and speed."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice

import boto3
import httpx

from infra.cli.trial import COLUMNS, Failed, NotProved, Trial, expect, wait_until
from infra.client.client import ApiProblem

_ROW = "{tag}-0000001,sketch,ana@verify.example,\n"
METRICS_TAKE = 600.0
"""Seconds within which CloudWatch shows the metrics of a minute."""


def _small_file(tag: str) -> bytes:
    return (f"{','.join(COLUMNS)}\n" + _ROW.format(tag=tag)).encode()


def import_by_form(trial: Trial) -> str:
    """Upload a form to the API. LicenseSpring: Import Licenses from CSV."""
    answer = httpx.post(
        f"{trial.stage.api_url}/api/v1/licenses/import_from_csv",
        files={"file": ("form.csv", _small_file("FORM"), "text/csv")},
        headers={"Authorization": f"Api-Key {trial.key}"},
        timeout=35,
    )
    expect(answer.is_success, f"the form returned {answer.status_code}: {answer.text[:200]}")
    trial.wait_for(int(answer.json()["job_id"]))
    _expect_licenses(trial, "FORM-0000001", 1)
    return "imported a file uploaded by a form"


def import_presigned(trial: Trial) -> str:
    path = trial.folder / "presigned.csv"
    path.write_bytes(_small_file("PRESIGNED"))
    trial.wait_for(trial.send(path))
    _expect_licenses(trial, "PRESIGNED-0000001", 1)
    return "imported a file uploaded to S3 by a presigned form"


def import_dropped(trial: Trial) -> str:
    """Put a file into the bucket; S3 notifies Lambda within seconds."""
    last = _newest_import(trial) or 0
    trial.upload(f"{trial.company}/licenses/dropped.csv", _small_file("DROPPED"))

    def find_import() -> int | None:
        number = _newest_import(trial)
        return number if number and number > last else None

    trial.wait_for(wait_until(find_import, what="the import of a file put into the bucket"))
    _expect_licenses(trial, "DROPPED-0000001", 1)
    return "imported a file put into the bucket"


def _newest_import(trial: Trial) -> int | None:
    return next((job.id for job in islice(trial.client.imports.list(limit=1), 1)), None)


def reject_whole_file(trial: Trial) -> str:
    path = trial.folder / "faulty.csv"
    path.write_bytes(_small_file("FAULTY") + b"FAULTY-0000002,no-such-product,,\n")
    trial.wait_for(trial.send(path, on_error="reject_all"), "rejected")
    _expect_licenses(trial, "FAULTY-0000001", 0)
    return "imported nothing, because one row of two has an error"


def import_large_file(trial: Trial) -> str:
    """Import a file above `import_inline_bytes` of the stage, by the state machine."""
    path = trial.file("LARGE", _rows_of_large(trial))
    started = datetime.now(UTC)
    job = trial.wait_for(trial.send(path))
    seconds = (datetime.now(UTC) - started).total_seconds()
    _expect_rows(job.counts, _rows_of_large(trial))
    executions = _executions(trial, job.id)
    expect(
        len(executions) == 1,
        f"{len(executions)} executions of the state machine imported the file, not 1",
    )
    return f"{path.stat().st_size / 1e6:.0f} MB imported by the state machine in {seconds:.0f} s"


def cancel_import(trial: Trial) -> str:
    number = trial.send(trial.file("CANCELLED", _rows_to_cancel(trial)))
    wait_until(partial(_is_running, trial, number), what=f"the start of import {number}")
    try:
        job = trial.client.imports.cancel(number)
    except ApiProblem as problem:
        if problem.code != "import_state":
            raise
        raise NotProved(
            "the import finished before it could be cancelled: increase --rows"
        ) from None
    expect(job.state == "cancelled", f"the import is {job.state}, not cancelled")
    trial.cancelled = number
    return f"cancelled an import of {_rows_to_cancel(trial):,} rows while it was running"


def _is_running(trial: Trial, number: int) -> bool | None:
    return trial.client.imports.show(number).state not in ("awaiting_upload", "queued") or None


def retry_import(trial: Trial) -> str:
    """Retry a cancelled import until it has finished, by a new execution: see `job_status`."""
    if trial.cancelled is None:
        raise NotProved("no import was cancelled before: add the step cancel")
    trial.client.imports.retry(trial.cancelled)
    job = trial.wait_for(trial.cancelled)
    _expect_rows(job.counts, _rows_to_cancel(trial))
    by_machine = len(_executions(trial, trial.cancelled)) > 1
    new = "execution" if by_machine else "invocation"
    return f"retried the import in a new {new}"


def import_many_rows(trial: Trial) -> str:
    """Import many rows, and count the writes that new tables throttle."""
    started = datetime.now(UTC)
    job = trial.wait_for(trial.send(trial.file("MANY", trial.rows)))
    seconds = max((datetime.now(UTC) - started).total_seconds(), 0.001)
    _expect_rows(job.counts, trial.rows)
    done = f"{trial.rows:,} rows in {seconds:.0f} s ({trial.rows / seconds:,.0f} per second)"
    if trial.is_local:
        raise NotProved(f"{done}, but the emulator neither throttles nor measures")
    throttled = {
        name: count_throttled(table, since=started) for name, table in trial.stage.tables.items()
    }
    counts = ", ".join(f"{name} {count:,.0f}" for name, count in throttled.items() if count)
    return f"{done}; throttled writes: {counts or 'none'}; tables created {_table_age(trial)}"


def count_throttled(table: str, *, since: datetime) -> float:
    """Return the throttled writes of a table, once CloudWatch has the metrics."""

    def total(metric: str) -> float | None:
        with closing(boto3.client("cloudwatch")) as cloudwatch:
            points = cloudwatch.get_metric_statistics(
                Namespace="AWS/DynamoDB",
                MetricName=metric,
                Dimensions=[{"Name": "TableName", "Value": table}],
                StartTime=since - timedelta(minutes=1),
                EndTime=datetime.now(UTC) + timedelta(minutes=1),
                Period=60,
                Statistics=["Sum"],
            )["Datapoints"]
        return sum(point["Sum"] for point in points) if points else None

    if "Licenses" in table:
        wait_until(
            lambda: total("ConsumedWriteCapacityUnits"),
            what=f"metrics of {table}",
            patience=METRICS_TAKE,
        )
    return total("WriteThrottleEvents") or 0.0


def _table_age(trial: Trial) -> str:
    with closing(boto3.client("dynamodb")) as dynamodb:
        found = dynamodb.describe_table(TableName=trial.stage.tables["licenses"])["Table"]
    hours = (datetime.now(UTC) - found["CreationDateTime"]).total_seconds() / 3600
    return f"{hours:.0f} hours ago"


def _rows_of_large(trial: Trial) -> int:
    """Return the number of rows of 1 KB in the large file."""
    return trial.megabytes * 1000


def _rows_to_cancel(trial: Trial) -> int:
    """Return a number of rows whose import runs long enough to be cancelled."""
    return max(trial.rows, _rows_of_large(trial))


def _executions(trial: Trial, number: int) -> list[str]:
    arn = trial.resource("ImportsMachine", "AWS::StepFunctions::StateMachine")
    with closing(boto3.client("stepfunctions")) as machine:
        found = machine.list_executions(stateMachineArn=arn)["executions"]
    prefix = f"{trial.company}-{number}-"
    return [each["executionArn"] for each in found if each["name"].startswith(prefix)]


def _expect_rows(counts: dict[str, int] | None, rows: int) -> None:
    found = counts or {}
    done = found.get("created_licenses_count", 0) + found.get("existed_licenses_count", 0)
    if done != rows:
        raise Failed(f"{done:,} of {rows:,} rows were imported: {found}")


def _expect_licenses(trial: Trial, key: str, count: int) -> None:
    found = trial.client.licenses.count(license_key=key)
    expect(found == count, f"there are {found} licenses {key}, not {count}")
