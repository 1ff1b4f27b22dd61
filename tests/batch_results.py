"""Results of batches, written as an import writes them."""

from shared.import_counts import BatchResult
from shared.store import bulk
from shared.store.batch_results import batch_result_put
from shared.store.import_jobs import TABLE
from shared.store.patience import Patience
from shared.store.sender import Sender


def put_batch_result(company: str, number: int, result: BatchResult) -> None:
    put = batch_result_put(company, number, result)
    worker = Patience(lambda: 900_000, lambda: None)
    sender = Sender()
    sender.run(bulk.write("PutItem", TABLE, put, worker))
    sender.close()
