"""A genuine `cdk synth`, `cdk bootstrap` and `cdk deploy`, each only when it is needed."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError

from infra.ops.emulator import ACCOUNT, REGION, aws_environment, endpoint
from infra.ops.steps import Say, run
from infra.stamp import BUILD, ROOT, digest, stamped

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

CDK = ROOT / "node_modules" / ".bin" / "cdk"
TAG = "keywright:assembly"
"""On the deployed stack: what was deployed, so that the same is not deployed again."""
QUIET = {"CDK_DISABLE_CLI_TELEMETRY": "true", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20"}


@dataclass(frozen=True)
class Assembly:
    """A synthesized app, ready to be deployed."""

    path: Path
    stack_name: str

    @property
    def digest(self) -> str:
        """Of the template, which names its assets by their own hashes."""
        return digest(self.path / f"{self.stack_name}.template.json")


def synthesize(stage: str, *, log: Path, say: Say) -> Assembly:
    out = BUILD / "cdk" / stage
    inputs = [
        ROOT / name for name in ("functions", "shared", "cdk.json", "uv.lock", "package-lock.json")
    ]
    inputs += sorted((ROOT / "infra").glob("*.py"))
    with stamped(out.with_suffix(".stamp"), digest(*inputs)) as stale:
        if stale:
            shutil.rmtree(out, ignore_errors=True)
            arguments = f"--context=stage={stage}", f"--output={out}", "--quiet"
            _cdk("synth", *arguments, env=os.environ | QUIET, log=log, say=say, cwd=ROOT)
    return Assembly(out, f"Keywright-{stage}")


def deploy(assembly: Assembly, *, port: int, log: Path, say: Say) -> bool:
    """Make the emulator's stack what the assembly says; whether there was anything to do."""
    deployed = find_stack(assembly.stack_name, port=port)
    if deployed and _is(deployed, assembly):
        return False
    env = aws_environment(port) | QUIET
    if not find_stack("CDKToolkit", port=port):
        _cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}", env=env, log=log, say=say)
    _cdk(
        "deploy",
        f"--app={assembly.path}",
        "--require-approval=never",
        "--progress=events",
        f"--tags={TAG}={assembly.digest}",
        env=env,
        log=log,
        say=say,
    )
    return True


def _cdk(
    *arguments: str, env: dict[str, str], log: Path, say: Say, cwd: Path | None = None
) -> None:
    """In the log's folder unless told: beside cdk.json, even `bootstrap` would synthesize."""
    run(CDK, *arguments, "--no-notices", log=log, cwd=cwd or log.parent, env=env, say=say)


def find_stack(name: str, *, port: int) -> "StackTypeDef | None":
    client = boto3.client(
        "cloudformation",
        endpoint_url=endpoint(port),
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the emulator takes any
    )
    try:
        return client.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise


def _is(deployed: "StackTypeDef", assembly: Assembly) -> bool:
    tags = {tag["Key"]: tag["Value"] for tag in deployed.get("Tags", [])}
    whole = deployed["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    return whole and tags.get(TAG) == assembly.digest
