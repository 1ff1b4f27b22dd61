"""Run the tests of handlers and of the store on an emulator instead of moto.

`pytest --emulator roto=http://127.0.0.1:5070 tests/functions/test_create_order.py` runs on an
emulator that listens there; `make second-opinion` starts some and does so. What is known to differ
is in `tests/second_opinion/known_tests.py`.
"""

import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session
from moto.core.models import botocore_stubber

from shared.store import uploads
from tests.faults.dynamodb import tables_of
from tests.models.services import Emulator
from tests.moto_tables import local_template, make_bucket
from tests.second_opinion.known_tests import KNOWN_FIXTURES, KNOWN_TESTS, WITHOUT_S3

BUCKET = "uploads"
_AT_ONCE: Any = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
"""Else a body that is sent after its headers waits 40 ms for the delayed ACK of these."""


@dataclass
class Emulated:
    """The emulator that this run of pytest uses."""

    name: str
    url: str
    network: URLLib3Session = field(default_factory=lambda: URLLib3Session(socket_options=_AT_ONCE))
    service: Emulator = field(init=False)
    furnished: bool = False

    def __post_init__(self) -> None:
        self.service = Emulator(self.url, dict(tables_of(local_template())))

    def empty(self) -> None:
        """Empty tables and an empty bucket, which are made before the first test."""
        if not self.furnished:
            self.service.make_tables()
            if self.name not in WITHOUT_S3:
                make_bucket(uploads.client())
            self.furnished = True
        self.service.load({name: {} for name in self.service.tables})
        if self.name not in WITHOUT_S3:
            self._empty_bucket()

    def _empty_bucket(self) -> None:
        pages: Any = uploads.client().get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=BUCKET):
            for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                with suppress(ClientError):
                    uploads.client().delete_object(
                        Bucket=BUCKET, Key=each["Key"], VersionId=each["VersionId"]
                    )
        for upload in uploads.client().list_multipart_uploads(Bucket=BUCKET).get("Uploads", ()):
            uploads.client().abort_multipart_upload(
                Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"]
            )


_chosen: list[Emulated] = []


def begin(name: str, url: str) -> None:
    """From now on tests run on this emulator."""
    _chosen.append(Emulated(name, url))


def end() -> None:
    """Close what the emulator was reached by."""
    for emulator in _chosen:
        emulator.service.close()
        emulator.network.close()
    _chosen.clear()


def chosen() -> Emulated | None:
    """The emulator to run on, or None for moto."""
    return _chosen[-1] if _chosen else None


def carry_out(request: AWSPreparedRequest) -> AWSResponse | None:
    """Have a request carried out, whatever it is that plays AWS."""
    if emulator := chosen():
        answer: AWSResponse = emulator.network.send(request)
        return answer
    heard: AWSResponse | None = botocore_stubber("before-send", request)
    return heard


def expect_known(items: list[pytest.Item]) -> None:
    """Mark what is known to fail on the emulator; it must fail, or its entry is out of date."""
    if emulator := chosen():
        tests, fixtures = KNOWN_TESTS[emulator.name], KNOWN_FIXTURES[emulator.name]
        for item in items:
            reasons = [tests.get(item.nodeid), tests.get(item.nodeid.partition("[")[0])]
            used: list[str] = getattr(item, "fixturenames", [])
            reasons += [reason for name, reason in fixtures.items() if name in used]
            if reason := next(filter(None, reasons), None):
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
