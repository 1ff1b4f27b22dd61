"""The results of an import's batches: one item per batch, next to the job."""

from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from shared.errors import Busy
from shared.import_counts import BatchResult
from shared.row_results import KEPT, REVERTED, RowResults
from shared.store import dynamo
from shared.store.import_jobs import TABLE
from shared.store.retry import attempts, is_transient


def batch_result_put(company: str, number: int, result: BatchResult) -> dict[str, Any]:
    """Return the parameters of the PutItem that stores the result of a batch.

    Its condition fails if the batch has a result of higher precedence, or if an end of the import
    has sealed the results of this attempt.
    """
    key = {"pk": dynamo.partition(company, number), "sk": _result_row(result.index)}
    item = dynamo.record_item(result, **key)
    item |= dynamo.to_item({"precedence": result.precedence})
    precedes = "attribute_not_exists(pk) OR precedence <= :precedence"
    is_open = "attribute_not_exists(sealed) OR sealed < :attempt"
    values = {":precedence": result.precedence, ":attempt": result.attempt}
    return {
        "Item": item,
        "ConditionExpression": f"({precedes}) AND ({is_open})",
        "ExpressionAttributeValues": dynamo.to_item(values),
    }


def seal_result(company: str, number: int, index: int, attempt: int) -> BatchResult:
    """Return the result of a batch, which workers of this attempt and of earlier ones can no longer
    replace.

    Raises Busy if the table is throttled for several seconds.
    """
    update = {
        "UpdateExpression": "SET sealed = :attempt",
        "ExpressionAttributeValues": dynamo.to_item({":attempt": attempt}),
    }
    return BatchResult.model_validate(_updated_result(company, number, index, update))


def unseal_result(company: str, number: int, index: int) -> None:
    """Let workers replace the result of a batch again. Raises Busy like `seal_result`."""
    _updated_result(company, number, index, {"UpdateExpression": "REMOVE sealed"})


def recount_created(
    company: str, number: int, result: BatchResult, rows: int, row_report: str
) -> None:
    """Set how many rows of a batch have created a record, and the report that says which.

    Unless its result was replaced.
    """
    _recount(company, number, result, {"created_rows": rows}, row_report)


def recount_undone(
    company: str, number: int, result: BatchResult, rows: RowResults, row_report: str
) -> None:
    """Set how many rows and records of a batch an undo keeps, and the report that says which.

    Unless its result was replaced.
    """
    counts = {"reverted_rows": rows.count(REVERTED), "kept_rows": rows.count(KEPT)}
    _recount(company, number, result, counts | {"kept": rows.kept_records()}, row_report)


def _recount(
    company: str, number: int, result: BatchResult, counts: dict[str, int], row_report: str
) -> None:
    named: dict[str, Any] = {**counts, "row_report": row_report}
    values = {f":{name}": value for name, value in named.items()}
    update = {
        "UpdateExpression": "SET " + ", ".join(f"{name} = :{name}" for name in named),
        "ConditionExpression": "row_report = :before",
        "ExpressionAttributeValues": dynamo.to_item({**values, ":before": result.row_report}),
    }
    with suppress(dynamo.client().exceptions.ConditionalCheckFailedException):
        _updated_result(company, number, result.index, update)


def _updated_result(
    company: str, number: int, index: int, update: dict[str, Any]
) -> dict[str, Any]:
    key = dynamo.key_of((dynamo.partition(company, number), _result_row(index)))
    named: dict[str, Any] = {"TableName": dynamo.table(TABLE), "Key": key, **update}
    for _ in attempts():
        try:
            answer = dynamo.client().update_item(**named, ReturnValues="ALL_NEW")
            return dynamo.from_item(answer["Attributes"])
        except ClientError as error:
            if not is_transient(error):
                raise
    raise Busy


def batch_results(company: str, number: int) -> list[BatchResult]:
    """Return the results of a job's batches so far, in the order of the file."""
    condition = "pk = :partition AND begins_with(sk, :chunk)"
    values = {"partition": dynamo.partition(company, number), "chunk": "chunk#"}
    items = dynamo.query(TABLE, condition, values, consistent=True)
    return [BatchResult.model_validate(item) for item in items]


def _result_row(index: int) -> str:
    return f"chunk#{index:010}"
