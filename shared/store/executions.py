"""Invoke the ImportCsv function, and start, stop and redrive executions of large imports."""

import os
from functools import cache
from typing import Any
from urllib.parse import quote_plus

import botocore.session
import orjson
from botocore.config import Config
from botocore.exceptions import ClientError

from shared.import_job import ImportJob
from shared.store.object_claims import Version
from shared.store.open_batches import OpenBatch
from shared.store.retry import SDK_ATTEMPTS

GONE = frozenset({"ExecutionDoesNotExist", "ExecutionNotRedrivable"})
RUNNING = frozenset({"RUNNING", "PENDING_REDRIVE"})


@cache
def client(service: str) -> Any:
    """The botocore client of `lambda` or `stepfunctions`, created on first use."""
    config = Config(
        connect_timeout=1,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": SDK_ATTEMPTS},
    )
    return botocore.session.get_session().create_client(service, config=config)


def announce(version: Version) -> None:
    """Send ImportCsv the S3 event of an object; an object that it knows changes nothing."""
    stored = {"key": quote_plus(version.key), "size": version.size, "versionId": version.version_id}
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": version.bucket}, "object": stored},
    }
    _invoke({"Records": [record]})


def complete(batch: OpenBatch) -> None:
    """Have ImportCsv complete an open batch of an import that has ended."""
    named = {"company": batch.company, "number": batch.number}
    _invoke({"step": "complete", **named, "batch": batch.model_dump(mode="json")})


def request_results(job: ImportJob) -> None:
    """Have ImportCsv write `results.csv` of a job."""
    _invoke({"step": "results", "company": job.company, "number": job.number})


def announce_job(job: ImportJob) -> None:
    """Have ImportCsv run a job that has its file, or count it if it has stopped.

    The event of an object names the job that has claimed it: not an undo, nor the commit of a plan.
    """
    if job.undoes is not None or job.planned_by is not None:
        _invoke({"step": "run", "company": job.company, "number": job.number})
    elif job.version_id is not None:
        announce(Version(job.bucket, job.key, job.version_id, job.size or 0))


def start(job: ImportJob) -> None:
    """Run a job that was queued again, by redriving its execution if it has one."""
    if job.execution_arn is not None and _redrive(job, job.execution_arn):
        return
    announce_job(job)


def execute(job: ImportJob) -> str | None:
    """Start an execution for a large import; None if this attempt already has one."""
    steps = client("stepfunctions")
    try:
        started = steps.start_execution(
            stateMachineArn=os.environ["IMPORT_STATE_MACHINE"],
            name=f"{job.company}-{job.number}-{job.attempts}",
            input=orjson.dumps({"company": job.company, "number": job.number}).decode(),
        )
    except steps.exceptions.ExecutionAlreadyExists:
        return None
    return str(started["executionArn"])


def stop(job: ImportJob) -> None:
    """Stop the job's execution, if it is running."""
    if job.execution_arn is None:
        return
    try:
        client("stepfunctions").stop_execution(executionArn=job.execution_arn, error="Cancelled")
    except ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise


def is_running(job: ImportJob) -> bool:
    if job.execution_arn is None:
        return False
    try:
        execution = client("stepfunctions").describe_execution(executionArn=job.execution_arn)
    except ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise
        return False
    return execution["status"] in RUNNING


def _invoke(event: dict[str, Any]) -> None:
    client("lambda").invoke(
        FunctionName=os.environ["IMPORT_FUNCTION"],
        InvocationType="Event",
        Payload=orjson.dumps(event),
    )


def _redrive(job: ImportJob, execution_arn: str) -> bool:
    """Redrive an execution; False if that is impossible, and a new execution has to start."""
    token = f"{job.company}-{job.number}-{job.attempts}"
    try:
        client("stepfunctions").redrive_execution(executionArn=execution_arn, clientToken=token)
    except ClientError:
        return False
    return True
