"""Write the files of exports. Triggers: steps of the state machine, and failed executions.

A step continues an export for up to 13 minutes. The state machine repeats it until it is done. A
step that runs twice, concurrently or partly writes no record twice.
"""

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from functions.telemetry.metrics import SERVICE, count, metrics
from functions.telemetry.redaction import redacted
from functions.telemetry.tracing import annotate, traced
from shared.export_job import ExportJob
from shared.store.export_executions import execution_name
from shared.store.export_jobs import change_export
from shared.workflows.run_export import ExportStopped, run_export
from shared.workflows.stuck_exports import fail_export

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service=SERVICE)


@traced
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Dispatch by the shape of the event."""
    logger.thread_safe_clear_keys()
    logger.thread_safe_append_keys(correlation_id=context.aws_request_id)
    try:
        if "detail" in event:
            return _on_failed_execution(event["detail"])
        return _continue_export(event, context)
    except Exception as error:  # noqa: BLE001  # raised again, without its message
        raise redacted(error, logger) from None
    finally:
        if metrics.metric_set:
            metrics.flush_metrics()


def _continue_export(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Continue an export; `done` is false if records are left."""
    company, number = event["company"], event["number"]
    logger.thread_safe_append_keys(company=company, export=number)
    annotate(company=company, export=number)
    token = secrets.token_hex(8)
    try:
        job = run_export(company, number, token, context.get_remaining_time_in_millis)
    except ExportStopped:
        logger.info("export_stopped")
        return {**event, "done": True}
    logger.info("export_continued", state=job.state, records=job.records)
    if job.is_ended:
        _count(job)
    return {**event, "done": job.is_ended}


def _on_failed_execution(detail: dict[str, Any]) -> dict[str, Any]:
    """Fail the export of an execution that has failed, unless it has been retried since."""
    named, now = orjson.loads(detail["input"]), datetime.now(UTC)

    def failed(job: ExportJob) -> ExportJob:
        if job.is_ended or execution_name(job) != detail["name"]:
            return job
        return fail_export(job, detail["status"], now)

    job = change_export(named["company"], named["number"], failed)
    if job.finished_at == now:
        logger.error("export_failed", status=detail["status"], export=job.number)
        _count(job)
    return {}


def _count(job: ExportJob) -> None:
    count("ExportEnded", state=job.state)
    if job.state == "failed":
        metrics.add_metric("ExportFailed", MetricUnit.Count, 1)
    elif job.state == "succeeded":
        metrics.add_metric("ExportedRows", MetricUnit.Count, job.rows)
