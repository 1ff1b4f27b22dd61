"""Presigned links: they name the bucket's own region, and hold for as long as they say."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.session import Session

from shared.store import links, uploads
from shared.store.links import LARGEST_OBJECT, LARGEST_POST, parts_of
from tests.shared.value_import import import_job

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
JOB = import_job(
    number=1, bucket="keywright-uploads", key="acme/licenses/job-1/a.csv", upload_id="u1"
)
LOADER = Session().get_component("data_loader")


def new_session() -> Session:
    """A session that reads botocore's own files once for all tests."""
    made = Session()
    made.register_component("data_loader", LOADER)
    return made


def regions() -> list[tuple[str, str]]:
    """Every region that botocore knows S3 in, and the domain of its partition."""
    session = new_session()
    return [
        (region, partition["dnsSuffix"])
        for partition in session.get_data("endpoints")["partitions"]
        for region in session.get_available_regions("s3", partition["partition"])
    ]


REGIONS = regions()


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process of a function on AWS, which has made no client yet."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setattr("botocore.session.get_session", new_session)
    forget()
    yield
    forget()


def forget() -> None:
    uploads.client.cache_clear()
    uploads.session.cache_clear()


def every_link() -> dict[str, str]:
    return {
        "post": links.presigned_post(JOB, 5)["url"],
        "part": links.presigned_part(JOB, 1),
        "complete": links.presigned_complete(JOB),
        "abort": links.presigned_abort(JOB),
        "get": links.presigned_get(JOB, "failed.rows", file_name="a", content_type="text/csv"),
    }


def test_all_partitions_are_known() -> None:
    names = {region for region, _ in REGIONS}

    assert {"us-east-1", "eu-central-1", "eu-south-1", "ap-east-1", "me-south-1"} <= names
    assert {"cn-north-1", "us-gov-west-1", "us-gov-east-1"} <= names
    assert len(names) > 35


@pytest.mark.parametrize(("region", "suffix"), REGIONS)
@pytest.mark.usefixtures("fresh")
def test_every_link_names_the_regional_endpoint_of_the_bucket(
    region: str, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)

    hosts = {name: urlsplit(url).netloc for name, url in every_link().items()}

    assert set(hosts.values()) == {f"keywright-uploads.s3.{region}.{suffix}"}, hosts


@pytest.mark.usefixtures("fresh")
def test_a_link_is_for_one_operation_on_one_object() -> None:
    made = every_link()

    assert urlsplit(made["part"]).path == "/acme/licenses/job-1/a.csv"
    queries = {name: parse_qs(urlsplit(url).query) for name, url in made.items()}
    assert (queries["part"]["partNumber"], queries["part"]["uploadId"]) == (["1"], ["u1"])
    assert queries["complete"]["uploadId"] == queries["abort"]["uploadId"] == ["u1"]
    assert queries["get"]["response-content-type"] == ["text/csv"]
    assert {query["X-Amz-Expires"][0] for name, query in queries.items() if name != "post"} == {
        "3600"
    }


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:4566", "http://localhost:4566"])
@pytest.mark.usefixtures("fresh")
def test_an_emulator_is_called_by_its_own_host(
    variable: str, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, endpoint)

    for url in every_link().values():
        assert url.startswith(f"{endpoint}/keywright-uploads")


def signed_by(credentials: Any) -> None:
    session: Any = uploads.session()
    session._credentials = credentials  # noqa: SLF001  # as botocore's providers do


def refreshable(left: timedelta, after: timedelta = timedelta(hours=6)) -> RefreshableCredentials:
    """Credentials that end in a while, and are then followed by others."""
    now = datetime.now(UTC)

    def variables(ends: datetime) -> dict[str, str]:
        names = {"access_key": "AKIA", "secret_key": "s", "token": "t"}
        return {**names, "expiry_time": ends.isoformat()}

    return RefreshableCredentials.create_from_metadata(
        variables(now + left), lambda: variables(now + after), "test"
    )


@pytest.mark.usefixtures("fresh")
def test_lasting_credentials_sign_for_an_hour() -> None:
    signed_by(Credentials("AKIA", "secret"))

    assert links.link_seconds() == 3600


@pytest.mark.usefixtures("fresh")
def test_a_functions_own_credentials_are_trusted_for_its_longest_call() -> None:
    signed_by(Credentials("ASIA", "secret", "token"))

    assert links.link_seconds() == 900


@pytest.mark.parametrize(
    ("left", "least", "most"),
    [
        (timedelta(hours=6), 3600, 3600),
        (timedelta(minutes=40), 38 * 60, 39 * 60),
        (timedelta(minutes=5), 3600, 3600),  # they are refreshed before they end
    ],
)
@pytest.mark.usefixtures("fresh")
def test_credentials_that_end_end_their_links(left: timedelta, least: int, most: int) -> None:
    signed_by(refreshable(left))

    assert least <= links.link_seconds() <= most


@pytest.mark.usefixtures("fresh")
def test_credentials_that_are_about_to_end_promise_nothing() -> None:
    signed_by(refreshable(timedelta(minutes=5), timedelta(seconds=30)))

    assert links.link_seconds() == 1


@pytest.mark.parametrize(
    "size",
    [0, 1, 8 * 1024**2, 8 * 1024**2 + 1, LARGEST_POST + 1, LARGEST_OBJECT - 1, LARGEST_OBJECT],
)
def test_a_file_is_cut_into_parts_that_s3_takes(size: int) -> None:
    part_size, count = parts_of(size)

    assert 5 * 1024**2 <= part_size <= 5 * 1024**3
    assert 1 <= count <= 10_000
    assert part_size * (count - 1) < max(size, 1) <= part_size * count
