"""What `keywright verify` proves of imports: every way in, their ends, and how fast they are."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice

import boto3
import httpx

from infra.ops.client import ApiProblem
from infra.ops.trial import COLUMNS, Failed, NotProved, Trial, expect, wait_until

_ROW = "{tag}-0000001,sketch,ana@verify.example,\n"
METRICS_TAKE = 600.0
"""Seconds within which CloudWatch has the metrics of a minute."""


def _small(tag: str) -> bytes:
    return (f"{','.join(COLUMNS)}\n" + _ROW.format(tag=tag)).encode()


def import_by_form(trial: Trial) -> str:
    """The published way in: a form that the API itself takes."""
    answer = httpx.post(
        f"{trial.stage.api_url}/api/v1/licenses/import_from_csv",
        files={"file": ("form.csv", _small("FORM"), "text/csv")},
        headers={"Authorization": f"Api-Key {trial.key}"},
        timeout=35,
    )
    expect(answer.is_success, f"the form was answered {answer.status_code}: {answer.text[:200]}")
    trial.finished(int(answer.json()["job_id"]))
    _expect_licenses(trial, "FORM-0000001", 1)
    return "a file in a form of the API"


def import_presigned(trial: Trial) -> str:
    path = trial.folder / "presigned.csv"
    path.write_bytes(_small("PRESIGNED"))
    trial.finished(trial.send(path))
    _expect_licenses(trial, "PRESIGNED-0000001", 1)
    return "a file sent straight to S3 by a presigned form"


def import_dropped(trial: Trial) -> str:
    """S3 tells Lambda of it within seconds."""
    last = _newest(trial) or 0
    trial.drop(f"{trial.company}/licenses/dropped.csv", _small("DROPPED"))

    def begun() -> int | None:
        number = _newest(trial)
        return number if number and number > last else None

    trial.finished(wait_until(begun, what="the import of a file dropped into the bucket"))
    _expect_licenses(trial, "DROPPED-0000001", 1)
    return "a file dropped into the bucket"


def _newest(trial: Trial) -> int | None:
    return next((job.id for job in islice(trial.client.imports.list(limit=1), 1)), None)


def reject_whole_file(trial: Trial) -> str:
    path = trial.folder / "faulty.csv"
    path.write_bytes(_small("FAULTY") + b"FAULTY-0000002,no-such-product,,\n")
    trial.finished(trial.send(path, on_error="reject_all"), "rejected")
    _expect_licenses(trial, "FAULTY-0000001", 0)
    return "one faulty row of two, and nothing was imported"


def import_large_file(trial: Trial) -> str:
    """Above `import_inline_bytes` of the stage, so a state machine imports it."""
    path = trial.file("LARGE", _rows_of_large(trial))
    began = datetime.now(UTC)
    job = trial.finished(trial.send(path))
    seconds = (datetime.now(UTC) - began).total_seconds()
    _expect_rows(job.counts, _rows_of_large(trial))
    executions = _executions(trial, job.id)
    expect(len(executions) == 1, f"{len(executions)} executions of the state machine imported it")
    return f"{path.stat().st_size / 1e6:.0f} MB by the state machine in {seconds:.0f} s"


def cancel_import(trial: Trial) -> str:
    number = trial.send(trial.file("CANCELLED", _rows_to_cancel(trial)))
    wait_until(partial(_at_work, trial, number), what=f"the start of import {number}")
    try:
        job = trial.client.imports.cancel(number)
    except ApiProblem as problem:
        if problem.code != "import_state":
            raise
        raise NotProved("the import ended before it could be cancelled: give more --rows") from None
    expect(job.state == "cancelled", f"the import is {job.state}, not cancelled")
    trial.cancelled = number
    return f"an import of {_rows_to_cancel(trial):,} rows was cancelled while it was running"


def _at_work(trial: Trial, number: int) -> bool | None:
    return trial.client.imports.show(number).state not in ("awaiting_upload", "queued") or None


def retry_import(trial: Trial) -> str:
    """A cancelled import is run again to its end, by a new execution: see `job_status`."""
    if trial.cancelled is None:
        raise NotProved("no import was cancelled before")
    trial.client.imports.retry(trial.cancelled)
    job = trial.finished(trial.cancelled)
    _expect_rows(job.counts, _rows_to_cancel(trial))
    by_machine = len(_executions(trial, trial.cancelled)) > 1
    new = "execution of the state machine" if by_machine else "invocation"
    return f"run again to its end by a new {new}"


def import_many_rows(trial: Trial) -> str:
    """What tables that nobody has written to before can take, and how throttling is waited out."""
    began = datetime.now(UTC)
    job = trial.finished(trial.send(trial.file("MANY", trial.rows)))
    seconds = max((datetime.now(UTC) - began).total_seconds(), 0.001)
    _expect_rows(job.counts, trial.rows)
    done = f"{trial.rows:,} rows in {seconds:.0f} s ({trial.rows / seconds:,.0f} a second)"
    if trial.is_local:
        raise NotProved(f"{done}, but the emulator neither throttles nor measures")
    throttled = {name: throttled(table, since=began) for name, table in trial.stage.tables.items()}
    counts = ", ".join(f"{name} {count:,.0f}" for name, count in throttled.items() if count)
    return f"{done}; throttled writes: {counts or 'none'}; tables made {_made(trial)}"


def throttled(table: str, index: str | None = None, *, since: datetime) -> float:
    """Throttled writes of a table or an index, once CloudWatch shows that it has the minutes."""
    dimensions = [{"Name": "TableName", "Value": table}]
    if index:
        dimensions.append({"Name": "GlobalSecondaryIndexName", "Value": index})

    def total(metric: str) -> float | None:
        with closing(boto3.client("cloudwatch")) as cloudwatch:
            points = cloudwatch.get_metric_statistics(
                Namespace="AWS/DynamoDB",
                MetricName=metric,
                Dimensions=dimensions,
                StartTime=since - timedelta(minutes=1),
                EndTime=datetime.now(UTC) + timedelta(minutes=1),
                Period=60,
                Statistics=["Sum"],
            )["Datapoints"]
        return sum(point["Sum"] for point in points) if points else None

    if "Licenses" in table and index is None:
        wait_until(
            lambda: total("ConsumedWriteCapacityUnits"),
            what=f"metrics of {table}",
            patience=METRICS_TAKE,
        )
    return total("WriteThrottleEvents") or 0.0


def _indexes(table: str) -> list[str]:
    with closing(boto3.client("dynamodb")) as dynamodb:
        found = dynamodb.describe_table(TableName=table)["Table"]
    return [index["IndexName"] for index in found.get("GlobalSecondaryIndexes", ())]


def _made(trial: Trial) -> str:
    with closing(boto3.client("dynamodb")) as dynamodb:
        found = dynamodb.describe_table(TableName=trial.stage.tables["licenses"])["Table"]
    hours = (datetime.now(UTC) - found["CreationDateTime"]).total_seconds() / 3600
    return f"{hours:.0f} hours ago"


def _rows_of_large(trial: Trial) -> int:
    """Of a kilobyte each."""
    return trial.megabytes * 1000


def _rows_to_cancel(trial: Trial) -> int:
    """So many that the import is at work for long enough to be cancelled."""
    return max(trial.rows, _rows_of_large(trial))


def _executions(trial: Trial, number: int) -> list[str]:
    arn = trial.resource("ImportsMachine", "AWS::StepFunctions::StateMachine")
    with closing(boto3.client("stepfunctions")) as machine:
        found = machine.list_executions(stateMachineArn=arn)["executions"]
    begins = f"{trial.company}-{number}-"
    return [each["executionArn"] for each in found if each["name"].startswith(begins)]


def _expect_rows(counts: dict[str, int] | None, rows: int) -> None:
    found = counts or {}
    done = found.get("created_licenses_count", 0) + found.get("existed_licenses_count", 0)
    if done != rows:
        raise Failed(f"{done:,} of {rows:,} rows became licenses: {found}")


def _expect_licenses(trial: Trial, key: str, count: int) -> None:
    found = trial.client.licenses.count(license_key=key)
    expect(found == count, f"there are {found} licenses {key}, not {count}")
