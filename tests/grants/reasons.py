"""Grants that no handler test needs, each with the reason why it is granted nevertheless."""

QUEUE_LOOK_UP = (
    "CDK's SqsDestination grants these two along with SendMessage; they read the queue's name and"
    " settings, never a message"
)

REASONS: dict[tuple[str, str], str] = {
    (module, action): QUEUE_LOOK_UP
    for module in (
        "functions.import_csv",
        "functions.export_chunk",
        "functions.sweep",
        "functions.publish_events",
        "functions.index_search",
    )
    for action in ("sqs:GetQueueAttributes", "sqs:GetQueueUrl")
}
"""By module and action."""
