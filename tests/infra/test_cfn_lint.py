"""cfn-lint: the templates match CloudFormation's specification."""

import json

from cfnlint.api import lint
from cfnlint.config import ManualArgs

from tests.infra.reading import Template


def test_the_template_is_what_cloudformation_understands(prod: Template) -> None:
    """W3005 is the CDK's: what has a role waits for the role's policies, which needs saying."""
    found = lint(json.dumps(prod), config=ManualArgs(regions=["us-east-1", "eu-central-1"]))

    matches = {(match.rule.id, str(match)) for match in found}
    assert {rule for rule, _ in matches} == {"W3005"}
    assert [text for _, text in matches if "'GetAtt' at" not in text or "Role" not in text] == []
