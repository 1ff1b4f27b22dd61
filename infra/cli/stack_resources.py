"""The resources of a deployed stack."""

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import boto3

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackResourceSummaryTypeDef


def stack_resources(
    session: boto3.Session, stack: str, kind: str | None = None
) -> Iterator["StackResourceSummaryTypeDef"]:
    """Yield the resources of a stack, or those of one CloudFormation type."""
    with closing(session.client("cloudformation")) as cloudformation:
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        for page in pages:
            for resource in page["StackResourceSummaries"]:
                if kind in (None, resource["ResourceType"]):
                    yield resource
