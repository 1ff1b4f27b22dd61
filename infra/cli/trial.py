"""A trial of a deployed stage with a new company, for the steps of `keywright verify`."""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3

from infra.cli.stack_resources import stack_resources
from infra.cli.stages import Deployment
from infra.client.client import Client
from shared.access import ORDINARY_SCOPES, new_api_key
from shared.contract.imports import ImportView
from shared.import_job import Kind
from shared.store.access import add_api_key, revoke_api_key

PATIENCE = 120.0
"""Seconds to wait for a condition that usually takes a few seconds."""


class NotProved(Exception):
    """The stage can't prove it, or the option was not given; the message says why."""


class Failed(Exception):
    """The stage did something wrong; the message says what it did, and what to do."""


@dataclass
class Trial:
    """The state that steps share: the stage, the trial's company and results of earlier steps."""

    stage: Deployment
    client: Client
    company: str
    key: str
    folder: Path
    rows: int
    """Rows of the largest import."""
    megabytes: int
    """Size of the file that the state machine must import."""
    settings: Sequence[str] = ()
    """SETTING=VALUE pairs with which the stage was deployed."""
    rollback: bool = False
    """Whether to provoke the rollback of a deploy."""
    orders: dict[str, int] = field(default_factory=dict)
    """Ids of placed orders by the shop's order id."""
    cancelled: int | None = None
    """Number of the import that was cancelled."""

    @property
    def is_local(self) -> bool:
        return self.stage.name == "local"

    @property
    def stack(self) -> str:
        """The name of the stage's stack."""
        return f"Keywright-{self.stage.name}"

    def resource(self, logical_id: str, kind: str) -> str:
        """Return the physical id of a resource, by a prefix of its logical id. Raises Failed."""
        for each in stack_resources(boto3.Session(), self.stack, kind):
            if each["LogicalResourceId"].startswith(logical_id):
                return each["PhysicalResourceId"]
        raise Failed(f"The stack {self.stack} has no {kind} {logical_id}: deploy it again.")

    def upload(self, key: str, content: bytes) -> None:
        """Upload a file to the bucket."""
        with closing(boto3.client("s3")) as s3:
            s3.put_object(Bucket=self.stage.uploads_bucket, Key=key, Body=content)

    def file(self, tag: str, rows: int) -> Path:
        """Write a file of licenses with distinct keys, and one customer for every 100 rows.

        Notes of up to 1,000 characters pad the file to `megabytes`.
        """
        path = self.folder / f"{tag.lower()}.csv"
        note = "n" * min(1000, self.megabytes * 1_000_000 // rows)
        with path.open("w", encoding="utf-8") as file:
            file.write(f"{','.join(COLUMNS)}\n")
            for n in range(rows):
                file.write(f"{tag}-{n:07},sketch,c{n // 100}@{tag.lower()}.example,{note}\n")
        return path

    def send(self, path: Path, kind: Kind = "licenses", **options: Any) -> int:
        """Start the import of a file and return its number."""
        return self.client.imports.send(path, kind, **options).id

    def wait_for(self, number: int, state: str = "succeeded") -> ImportView:
        """Wait until an import has ended and return it. Raises Failed if it is not in `state`."""
        job = self.client.imports.wait(number)
        if job.state != state:
            reason = f": {job.refusal.message} ({job.refusal.code})" if job.refusal else ""
            raise Failed(
                f"import {number} ended as {job.state}{reason}, not {state}; see"
                f" keywright jobs show {number} --stage {self.stage.name}"
            )
        return job


COLUMNS = (
    "license__license_key",
    "product__short_code",
    "customer__email",
    "license__note",
)


def expect(condition: bool, message: str) -> None:
    """Raise Failed with the message unless the condition holds."""
    if not condition:
        raise Failed(message)


def wait_until[T](find: Callable[[], T | None], *, what: str, patience: float = PATIENCE) -> T:
    """Call `find` until it returns a value, and return that. Raises Failed after `patience` s."""
    deadline = time.monotonic() + patience
    while (found := find()) is None:
        if time.monotonic() > deadline:
            raise Failed(f"{what} did not happen within {patience:.0f} s")
        time.sleep(min(1.0, patience / 100))
    return found


@contextmanager
def open_trial(
    stage: Deployment,
    *,
    rows: int,
    megabytes: int,
    settings: Sequence[str] = (),
    rollback: bool = False,
) -> Iterator[Trial]:
    """Create a company with an API key for one day; revoke it and delete all files at the end."""
    company = f"verify-{secrets.token_hex(4)}"
    now = datetime.now(UTC).replace(microsecond=0)
    key, presented = new_api_key(
        company,
        now=now,
        scopes=ORDINARY_SCOPES,
        name="keywright verify",
        expires_at=now + timedelta(days=1),
    )
    add_api_key(key)
    try:
        with TemporaryDirectory() as folder, stage.client(presented) as client:
            yield Trial(
                stage, client, company, presented, Path(folder), rows, megabytes, settings, rollback
            )
    finally:
        delete_files(stage.uploads_bucket, company)
        revoke_api_key(key.prefix, datetime.now(UTC))


def delete_files(bucket: str, company: str) -> int:
    """Delete every version of every file of a company; return how many there were."""
    deleted = 0
    with closing(boto3.client("s3")) as s3:
        for prefix in (f"{company}/", f"_results/{company}/"):
            pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
            for page in pages:
                found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
                if found:
                    s3.delete_objects(
                        Bucket=bucket,
                        Delete={
                            "Objects": [
                                {"Key": each["Key"], "VersionId": each["VersionId"]}
                                for each in found
                            ]
                        },
                    )
                deleted += len(found)
    return deleted
