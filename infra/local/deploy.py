"""Deploys to the emulator by the real CDK: synth, bootstrap and deploy, each only when needed."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError

from infra.cli.cdk import CDK, QUIET
from infra.local.emulator import ACCOUNT, REGION, aws_environment, endpoint
from infra.local.steps import Report, run
from infra.stamp import BUILD, ROOT, build_once, digest

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

TAG = "keywright:assembly"
"""A tag of the deployed stack with the digest of its assembly, to skip identical deploys."""


@dataclass(frozen=True)
class Assembly:
    """A synthesized CDK app."""

    path: Path
    stack_name: str

    @property
    def digest(self) -> str:
        """The digest of the template, which refers to assets by their hashes."""
        return digest(self.path / f"{self.stack_name}.template.json")


def synthesize(stage: str, *, log: Path, report: Report) -> Assembly:
    """Synthesize a stage unless its sources are unchanged. Raises OpsError."""
    out = BUILD / "cdk" / stage
    inputs = [
        ROOT / name for name in ("functions", "shared", "cdk.json", "uv.lock", "package-lock.json")
    ]
    inputs += sorted((ROOT / "infra").glob("*.py"))
    with build_once(out.with_suffix(".stamp"), digest(*inputs)) as stale:
        if stale:
            shutil.rmtree(out, ignore_errors=True)
            arguments = f"--context=stage={stage}", f"--output={out}", "--quiet"
            _cdk("synth", *arguments, env=os.environ | QUIET, log=log, report=report, cwd=ROOT)
    return Assembly(out, f"Keywright-{stage}")


def deploy(assembly: Assembly, *, port: int, log: Path, report: Report) -> bool:
    """Deploy an assembly to the emulator; return whether anything had changed. Raises OpsError."""
    deployed = find_stack(assembly.stack_name, port=port)
    if deployed and _is_deployed(deployed, assembly):
        return False
    env = aws_environment(port) | QUIET
    if not find_stack("CDKToolkit", port=port):
        _cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}", env=env, log=log, report=report)
    _cdk(
        "deploy",
        f"--app={assembly.path}",
        "--require-approval=never",
        "--progress=events",
        f"--tags={TAG}={assembly.digest}",
        env=env,
        log=log,
        report=report,
    )
    return True


def _cdk(
    *arguments: str, env: dict[str, str], log: Path, report: Report, cwd: Path | None = None
) -> None:
    """Run the CDK, by default outside of the checkout: with cdk.json, `bootstrap` synthesizes."""
    run(CDK, *arguments, "--no-notices", log=log, cwd=cwd or log.parent, env=env, report=report)


def find_stack(name: str, *, port: int) -> "StackTypeDef | None":
    """Return a stack in the emulator, or None if it does not exist."""
    client = boto3.client(
        "cloudformation",
        endpoint_url=endpoint(port),
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the emulator accepts any
    )
    try:
        return client.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise


def _is_deployed(deployed: "StackTypeDef", assembly: Assembly) -> bool:
    tags = {tag["Key"]: tag["Value"] for tag in deployed.get("Tags", [])}
    is_complete = deployed["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    return is_complete and tags.get(TAG) == assembly.digest
