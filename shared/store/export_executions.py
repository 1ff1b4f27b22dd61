"""Start executions of the state machine of exports, and ask whether one runs."""

import os

import orjson
from botocore.exceptions import ClientError

from shared.export_job import ExportJob
from shared.store.executions import GONE, RUNNING, client


def execution_name(job: ExportJob) -> str:
    """The name of the execution of this attempt; Step Functions runs a name once."""
    return f"{job.company}-{job.number}-{job.attempts}"


def start_export(job: ExportJob) -> None:
    """Start the execution of an export's attempt; does nothing if it was started before."""
    steps = client("stepfunctions")
    try:
        steps.start_execution(
            stateMachineArn=os.environ["EXPORT_STATE_MACHINE"],
            name=execution_name(job),
            input=orjson.dumps({"company": job.company, "number": job.number}).decode(),
        )
    except steps.exceptions.ExecutionAlreadyExists:
        return


def export_status(job: ExportJob) -> str | None:
    """The status of the execution of an export's attempt; None if it was never started."""
    machine = os.environ["EXPORT_STATE_MACHINE"]
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{execution_name(job)}"
    try:
        execution = client("stepfunctions").describe_execution(executionArn=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise
        return None
    status: str = execution["status"]
    return "RUNNING" if status in RUNNING else status
