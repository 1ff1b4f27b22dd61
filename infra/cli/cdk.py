"""The CDK command line, which is pinned in package-lock.json."""

from infra.stamp import ROOT

CDK = ROOT / "node_modules" / ".bin" / "cdk"
QUIET = {"CDK_DISABLE_CLI_TELEMETRY": "true", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20"}
"""Environment variables against messages that no operator needs."""
