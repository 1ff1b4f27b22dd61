"""Retained resources keep their logical ids, and synth needs no credentials."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk.cx_api import CloudFormationStackArtifact

from infra.app import add_stack
from infra.context import FIRST_DEPLOY
from infra.stage import StageError
from infra.stamp import ROOT
from tests.infra.reading import Template, resources, tables

KEPT = {
    "DataAccessA33510A9": "AWS::DynamoDB::Table",
    "DataCatalog8550AEFB": "AWS::DynamoDB::Table",
    "DataCustomersF252F19A": "AWS::DynamoDB::Table",
    "DataImportsBDC7B388": "AWS::DynamoDB::Table",
    "DataLicenses41486B65": "AWS::DynamoDB::Table",
    "DataOrders20A4E13F": "AWS::DynamoDB::Table",
    "DataUploads81D8EB70": "AWS::S3::Bucket",
    "Key961B73FD": "AWS::KMS::Key",
    "ApiHttp17514DA7": "AWS::ApiGatewayV2::Api",
    "ImportsFailed8E095100": "AWS::SQS::Queue",
    "SweepFailed20E54AEE": "AWS::SQS::Queue",
    "EventsFailedBEE96234": "AWS::SQS::Queue",
    "ExportsFailedDEFA8C3E": "AWS::SQS::Queue",
    "DataEventsB3DAF25C": "AWS::DynamoDB::Table",
    "DataSearchC7D96612": "AWS::DynamoDB::Table",
    "SearchFailedD2481673": "AWS::SQS::Queue",
    "ObservabilityAlarms72EB291A": "AWS::SNS::Topic",
}
"""By another logical id, CloudFormation would make an empty one and leave or delete the full one;
the API would get another address, and the topic would lose who subscribed."""

SYNTH = """
import socket

def refuse(*_):
    raise OSError("a synth needs no network")

socket.socket.connect = refuse
socket.getaddrinfo = refuse

import runpy
runpy.run_module("infra.app", run_name="__main__")
"""


def _app(stage: str, context: dict[str, str]) -> CloudFormationStackArtifact:
    own = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(context=own | {"stage": stage} | context)
    stack = add_stack(app)
    return app.synth().get_stack_by_name(stack.stack_name)


@pytest.fixture(scope="module")
def assemble() -> Callable[..., CloudFormationStackArtifact]:
    """The stack of a stage as the CDK's command line gets it."""

    @cache
    def assembled(stage: str, *, first: bool = False) -> CloudFormationStackArtifact:
        return _app(stage, {FIRST_DEPLOY: "true"} if first else {})

    return assembled


def test_what_is_kept_has_the_logical_id_that_it_always_had(prod: Template) -> None:
    kinds = set(KEPT.values())

    made = {name: each["Type"] for name, each in prod["Resources"].items() if each["Type"] in kinds}
    assert made == KEPT


def test_prod_cannot_be_deleted_by_mistake_and_dev_can(
    assemble: Callable[..., CloudFormationStackArtifact],
) -> None:
    protected = {stage: assemble(stage).termination_protection for stage in ("dev", "prod")}

    assert protected == {"dev": False, "prod": True}


def test_a_first_deploy_of_prod_differs_in_its_protection_and_nothing_else(
    assemble: Callable[..., CloudFormationStackArtifact],
) -> None:
    """CloudFormation must be able to delete all that a creation that fails has made."""
    first, later = assemble("prod", first=True), assemble("prod")

    assert (first.termination_protection, later.termination_protection) == (False, True)
    unprotected, protected = first.template, later.template
    assert len(tables(unprotected)) == 8
    for name, table in tables(unprotected).items():
        assert table["Properties"]["DeletionProtectionEnabled"] is False
        assert tables(protected)[name]["Properties"]["DeletionProtectionEnabled"] is True
        table["Properties"]["DeletionProtectionEnabled"] = True
    assert unprotected == protected


def test_nothing_outlives_a_creation_that_fails(prod: Template) -> None:
    """`Retain` would: what is retained in every other case is `RetainExceptOnCreate`."""
    policies = {each.get("DeletionPolicy", "Delete") for each in prod["Resources"].values()}

    assert policies == {"Delete", "RetainExceptOnCreate"}


def test_a_first_deploy_is_named_by_true_alone() -> None:
    with pytest.raises(StageError, match="keywright:first-deploy=yes: must be true or omitted"):
        _app("prod", {FIRST_DEPLOY: "yes"})


def test_synth_needs_no_credentials_and_no_network(
    tmp_path: Path, synthesize: Callable[[str], Template]
) -> None:
    """Once the package is built, for which wheels may have to be fetched."""
    synthesize("local")
    context = json.loads((ROOT / "cdk.json").read_text())["context"] | {"stage": "local"}
    nowhere = "http://127.0.0.1:9"
    env = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CDK_OUTDIR": str(tmp_path / "out"),
        "CDK_CONTEXT_JSON": json.dumps(context),
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
    }

    done = subprocess.run(
        [sys.executable, "-c", SYNTH],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "out" / "Keywright-local.template.json").read_text())
    assert "DataOrders20A4E13F" in written["Resources"]


def test_only_dev_empties_its_bucket_when_it_goes(template: Template, stage: str) -> None:
    assert bool(resources(template, "Custom::S3AutoDeleteObjects")) == (stage == "dev")


def test_every_version_tells_how_to_upgrade_to_it() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    versions = changes.split("\n## ")[1:]
    assert versions
    assert [each.splitlines()[0] for each in versions if "\n**Upgrading.** " not in each] == []
