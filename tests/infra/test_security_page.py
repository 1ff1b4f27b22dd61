"""docs/security.md lists what every role may do, exactly as the template grants it."""

import pytest

from infra.ops.grants import replace_grants
from infra.stamp import ROOT
from tests.infra.reading import Template

PAGE = ROOT / "docs" / "security.md"


def test_the_page_lists_what_every_role_may_do(prod: Template) -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert page == replace_grants(page, prod), "write docs/security.md again: make docs"


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": {"Fn::Sub": "x"}},
        {
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": "*",
            "Condition": {"StringLike": {"aws:x": "y"}},
        },
    ],
)
def test_a_grant_that_the_page_cannot_spell_is_not_left_out(statement: object) -> None:
    policy = {
        "Type": "AWS::IAM::Policy",
        "Properties": {"Roles": [{"Ref": "R"}], "PolicyDocument": {"Statement": [statement]}},
    }
    page = "| R | `x` | `s3:GetObject` |"

    with pytest.raises(ValueError, match=r"R has|unknown form"):
        replace_grants(page, {"Resources": {"P": policy}})
