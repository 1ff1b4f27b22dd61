"""A trial of a deployed stage: a company of its own, which `keywright verify` works with."""

import json
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

from infra.ops.client import Client
from infra.ops.stack_resources import stack_resources
from infra.ops.stages import Deployment
from shared.access import ORDINARY_SCOPES, new_api_key
from shared.imports import Kind
from shared.reports import ImportView
from shared.store.access import add_api_key, revoke_api_key

PATIENCE = 120.0
"""Seconds in which something that usually takes a few must have happened."""


class NotProved(Exception):
    """This stage can't show it, or was not asked to; the message says why."""


class Failed(Exception):
    """The stage does not do what it should; the message says what it did, and what to do."""


@dataclass
class Trial:
    """What every step has: the stage, the trial's company, and what earlier steps left."""

    stage: Deployment
    client: Client
    company: str
    key: str
    folder: Path
    rows: int
    """Of the largest import."""
    megabytes: int
    """Of the file that must be imported by the state machine."""
    settings: Sequence[str] = ()
    """SETTING=VALUE, as the stage was deployed with."""
    rollback: bool = False
    """Whether a deploy may be provoked to be rolled back."""
    orders: dict[str, int] = field(default_factory=dict)
    """Ids of the orders that were placed, by the id that was sent."""
    cancelled: int | None = None
    """The import that was cancelled."""

    @property
    def is_local(self) -> bool:
        return self.stage.name == "local"

    @property
    def stack(self) -> str:
        return f"Keywright-{self.stage.name}"

    def resource(self, logical_id: str, kind: str) -> str:
        """The physical id of a resource, by the beginning of its logical id."""
        for each in stack_resources(boto3.Session(), self.stack, kind):
            if each["LogicalResourceId"].startswith(logical_id):
                return each["PhysicalResourceId"]
        raise Failed(f"The stack {self.stack} has no {kind} {logical_id}: deploy it again.")

    def drop(self, key: str, content: bytes) -> None:
        """Put a file into the bucket, as an operator would."""
        with closing(boto3.client("s3")) as s3:
            s3.put_object(Bucket=self.stage.uploads_bucket, Key=key, Body=content)

    def file(self, tag: str, rows: int) -> Path:
        """A file of licenses with distinct keys, and a customer for each hundred of them.

        It has `megabytes`, as far as notes of 1,000 characters can fill it.
        """
        path = self.folder / f"{tag.lower()}.csv"
        note = "n" * min(1000, self.megabytes * 1_000_000 // rows)
        with path.open("w", encoding="utf-8") as file:
            file.write(f"{','.join(COLUMNS)}\n")
            for n in range(rows):
                file.write(f"{tag}-{n:07},sketch,c{n // 100}@{tag.lower()}.example,{note}\n")
        return path

    def send(self, path: Path, kind: Kind = "licenses", **options: Any) -> int:
        return self.client.imports.send(path, kind, **options).id

    def finished(self, number: int, state: str = "succeeded") -> ImportView:
        """The import when it has ended, which must be as `state`."""
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
    """Raises Failed with what the stage did instead."""
    if not condition:
        raise Failed(message)


def wait_until[T](look: Callable[[], T | None], *, what: str, patience: float = PATIENCE) -> T:
    """What `look` finds when it finds something. Raises Failed when that takes too long."""
    deadline = time.monotonic() + patience
    while (found := look()) is None:
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
    """Make a company and a key for a day; revoke the key and delete the files at the end."""
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
    """Every version of every file that a company has in the bucket; how many there were."""
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


def as_json(payload: Any) -> Any:
    """What a function answered."""
    return json.loads(payload.read())
