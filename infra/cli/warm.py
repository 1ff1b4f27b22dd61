"""Check of the tables' warm throughput: the value in the settings against the deployed one.

DynamoDB Developer Guide, Understanding DynamoDB warm throughput: "Once increased, warm throughput
values can't be decreased." A deploy that lowers one is refused by DynamoDB and rolled back.
"""

from collections.abc import Iterator
from contextlib import closing

import boto3

from infra.cli.findings import Checked, note, ok, refused
from infra.cli.stack_resources import stack_resources

TABLE_QUOTA = 40_000
"""DynamoDB quotas: write units per second that a table may consume, unless it was raised."""
FILLED = ("Customers", "Orders", "Licenses")
"""The construct ids of the tables that are pre-warmed; see infra/data.py."""


def check_warm_throughput(
    session: boto3.Session, wanted: int, stack: str | None
) -> Iterator[Checked]:
    """Check that the tables can be pre-warmed to `wanted`; `stack` is the deployed one, if any."""
    warm = dict(_warm_throughputs(session, stack)) if stack and wanted else {}
    too_warm = {name: units for name, units in warm.items() if units > wanted}
    if not wanted:
        yield ok("the tables are not pre-warmed (warm_throughput is 0)")
    elif too_warm:
        higher = ", ".join(f"{name} has {units:,}" for name, units in too_warm.items())
        yield refused(
            f"warm_throughput is {wanted:,}, but can't be decreased: {higher}. Set it to"
            f" {max(too_warm.values())} or more."
        )
    elif wanted > TABLE_QUOTA:
        yield note(
            f"warm_throughput is {wanted:,}, and DynamoDB's quota “Table-level write throughput"
            f" limit” is {TABLE_QUOTA:,} unless it was raised: request it in Service Quotas first."
        )
    else:
        yield ok(f"the tables are pre-warmed for {wanted:,} write units per second, at extra cost")


def _warm_throughputs(session: boto3.Session, stack: str) -> Iterator[tuple[str, int]]:
    """Yield the name and warm write units per second of each table and index."""
    with closing(session.client("dynamodb")) as dynamodb:
        for resource in stack_resources(session, stack, "AWS::DynamoDB::Table"):
            if any(name in resource["LogicalResourceId"] for name in FILLED):
                name = resource["PhysicalResourceId"]
                table = dynamodb.describe_table(TableName=name)["Table"]
                yield name, _units(table)
                for index in table.get("GlobalSecondaryIndexes", ()):
                    yield f"{name}/{index.get('IndexName')}", _units(index)


def _units(described: object) -> int:
    warm = described.get("WarmThroughput", {}) if isinstance(described, dict) else {}
    return int(warm.get("WriteUnitsPerSecond", 0))
