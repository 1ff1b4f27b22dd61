"""Events: the streams of tables, the function that publishes them, the bus, and its subscribers."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import SecretValue, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.data import Data
from infra.function import Function, add_failed_queue
from infra.stage import Stage
from infra.streams import read_stream

SOURCE = "keywright"
ENDS = (
    "succeeded",
    "completed_with_errors",
    "failed",
    "rejected",
    "cancelled",
)
"""The states in which an import ends."""
_WAITING = ("awaiting_upload", "queued")
_BEGUN = ("validating", "running")


def _image(**attributes: Any) -> dict[str, Any]:
    """The pattern of an image whose attributes, all of type S, have one of these values."""
    return {name: {"S": values} for name, values in attributes.items()}


_EXISTS: Sequence[Any] = [{"exists": True}]
_BY_KEY = {"changed_by_key": _EXISTS}

FILTERS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "Orders": (
        {
            "eventName": ["INSERT"],
            "dynamodb": {"NewImage": _image(sk=["order", {"prefix": "append#"}], **_BY_KEY)},
        },
        {
            "eventName": ["MODIFY"],
            "dynamodb": {"NewImage": _image(sk=["order"], deleted_at=_EXISTS, **_BY_KEY)},
        },
    ),
    "Customers": (
        {
            "eventName": ["INSERT", "MODIFY"],
            "dynamodb": {"NewImage": _image(sk=[{"prefix": "customer#"}], **_BY_KEY)},
        },
    ),
    "Licenses": ({"eventName": ["MODIFY"], "dynamodb": {"NewImage": _image(**_BY_KEY)}},),
    "Imports": (
        {
            "eventName": ["MODIFY"],
            "dynamodb": {
                "NewImage": _image(sk=[{"prefix": "job#"}], state=[*_BEGUN]),
                "OldImage": _image(state=[*_WAITING]),
            },
        },
        {
            "eventName": ["MODIFY"],
            "dynamodb": {
                "NewImage": _image(sk=[{"prefix": "job#"}], state=[*ENDS]),
                "OldImage": _image(state=[*_WAITING, *_BEGUN]),
            },
        },
    ),
}
"""By table, the changes that invoke the function: what an import writes, pages, pointers, results
of batches and heartbeats match none of them. `shared/events.py` decides which of them have events;
a test compares both."""


class Events(Construct):
    """The bus of a stage, and the queue `failed` of what can't be published or delivered."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        key: kms.IKey | None,
        data: Data,
        function: Function,
        api_url: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._stage = stage
        self._key = key
        self.failed = add_failed_queue(self, key=key)
        """Of what can't be published or delivered."""
        self.bus = events.EventBus(self, "Bus", event_bus_name=Stack.of(self).stack_name)
        function.function.add_environment("EVENT_BUS", self.bus.event_bus_name)
        is_fixed = stage.public_url and "{host}" not in stage.public_url
        function.function.add_environment("API_URL", stage.public_url if is_fixed else api_url)
        function.may_do("events:PutEvents", on=[self.bus.event_bus_arn])
        for store in (data.orders, data.customers, data.licenses, data.imports):
            read_stream(self, store, function, FILTERS[store.table.node.id], self.failed)
        if stage.notify_email:
            self._notify(stage.notify_email)
        if stage.webhook_url:
            self._call_webhook(stage.webhook_url, stage.webhook_secret_name)

    def _notify(self, address: str) -> None:
        """Send an e-mail at the end of each import."""
        topic = sns.Topic(self, "Notices", enforce_ssl=True)
        if self._key:
            # The CDK's property would add broader grants; see add_failed_queue.
            topic.node.default_child.kms_master_key_id = self._key.key_arn
        topic.add_subscription(subscriptions.EmailSubscription(address))
        about = {
            name: events.EventField.from_path(f"$.detail.{path}")
            for name, path in (
                ("company", "company"),
                ("number", "data.import_id"),
                ("kind", "data.kind"),
                ("url", "data.url"),
            )
        }
        text = (
            f"Import {about['number']} ({about['kind']}) of {about['company']}: "
            f"{events.EventField.detail_type}. {about['url']}"
        )
        events.Rule(
            self,
            "ImportEnds",
            event_bus=self.bus,
            event_pattern=events.EventPattern(
                source=[SOURCE], detail_type=[f"import.{state}" for state in ENDS]
            ),
            targets=[
                targets.SnsTopic(
                    topic,
                    message=events.RuleTargetInput.from_text(text),
                    dead_letter_queue=self.failed,
                )
            ],
        )

    def _call_webhook(self, url: str, secret_name: str) -> None:
        """Post each event to a URL, with the secret as the header `Authorization`.

        EventBridge retries for 24 hours, and keeps its own copy of the secret, which a deploy
        updates.
        """
        connection = events.Connection(
            self,
            "Webhook",
            authorization=events.Authorization.api_key(
                "Authorization", SecretValue.secrets_manager(secret_name)
            ),
        )
        destination = events.ApiDestination(
            self, "WebhookUrl", connection=connection, endpoint=url, rate_limit_per_second=50
        )
        events.Rule(
            self,
            "ToWebhook",
            event_bus=self.bus,
            event_pattern=events.EventPattern(source=[SOURCE]),
            targets=[
                targets.ApiDestination(
                    destination,
                    event=events.RuleTargetInput.from_event_path("$.detail"),
                    dead_letter_queue=self.failed,
                )
            ],
        )
