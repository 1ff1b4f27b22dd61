"""`make prove-grants`: mutate prod's policies; the comparison must detect each mutation.

Each grant of each function is removed once, action by action and resource by resource, and verbs
that nothing calls are added. It reads what the last whole run of the handler tests recorded.
"""

import json
import sys
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, NamedTuple

from tests.grants import proof
from tests.grants.plugin import RECORD
from tests.grants.template import Deployment, Grant
from tests.infra.reading import Template, as_list, functions, resources
from tests.moto_tables import kept_template

EXTRA_VERBS = ("DeleteItem", "DescribeTable", "PutItem", "Query", "Scan", "UpdateItem")
EXTRA_ACTIONS = ("s3:DeleteObject", "s3:PutBucketPolicy", "lambda:UpdateFunctionCode")


class Mutation(NamedTuple):
    """One change of one function's policy, and the finding that it must lead to."""

    module: str
    what: str
    grant: Grant
    template: Template


def removals(template: Template) -> Iterator[Mutation]:
    """Every grant of every function, removed once."""
    deployment = Deployment(template)
    for module, policy, number in _statements(template):
        statement = _policy(template, policy)[number]
        for action in as_list(statement["Action"]):
            for resource in as_list(statement["Resource"]):
                changed = deepcopy(template)
                _policy(changed, policy)[number : number + 1] = _without(
                    statement, action, resource
                )
                grant = Grant(action, deployment.text(resource), deployment.via(statement))
                yield Mutation(module, "removed", grant, changed)


def additions(template: Template) -> Iterator[Mutation]:
    """Verbs that a function lacks, added to its tables; and other services' actions."""
    deployment = Deployment(template)
    for module, policy in sorted(_policies(template)):
        granted = deployment.grants[module]
        tables = sorted({each.resource for each in granted if "dynamodb" in each.action})
        wanted = [Grant(f"dynamodb:{verb}", table) for table in tables for verb in EXTRA_VERBS]
        for grant in (*wanted, *(Grant(action, "arn:aws:any:::thing") for action in EXTRA_ACTIONS)):
            if grant not in granted:
                changed = deepcopy(template)
                _policy(changed, policy).append(
                    {"Effect": "Allow", "Action": grant.action, "Resource": grant.resource}
                )
                yield Mutation(module, "added", grant, changed)


def findings(mutation: Mutation, used: proof.Used) -> list[str]:
    """What the proof says of a mutation, as far as it is about it."""
    deployment, module, grant = Deployment(mutation.template), mutation.module, mutation.grant
    return [
        *(
            f"missing {found.grant}"
            for found in proof.missing(deployment, used)
            if found.module == module and grant.allows(found.grant)
        ),
        *("unused" for found in proof.unused(deployment, used) if found == (module, grant)),
        *(
            "its reason is stale"
            for stale in proof.stale_reasons(deployment, used)
            if stale == (module, grant.action)
        ),
    ]


def main() -> int:
    """Print a line for each mutation; 1 if one of them went unnoticed."""
    recorded = json.loads(RECORD.read_text())
    used = {module: {Grant(*each) for each in grants} for module, grants in recorded.items()}
    template = kept_template("prod")
    counts = {"removed": 0, "added": 0}
    unnoticed = 0
    for mutation in (*removals(template), *additions(template)):
        found = findings(mutation, used)
        counts[mutation.what] += 1
        unnoticed += not found
        verdict = found[0] if found else "NOT NOTICED"
        print(f"{mutation.what:<8} {mutation.module:<26} {mutation.grant!s:<78} {verdict}")
    print(f"{counts['removed']} removed, {counts['added']} added, {unnoticed} not noticed")
    return 1 if unnoticed else 0


def _policies(template: Template) -> Iterator[tuple[str, str]]:
    """Each function's module with the logical ids of its role's policies."""
    for module, function in functions(template).items():
        role = function["Properties"]["Role"]["Fn::GetAtt"][0]
        for name, policy in resources(template, "AWS::IAM::Policy").items():
            if {"Ref": role} in policy["Properties"]["Roles"]:
                yield module, name


def _statements(template: Template) -> Iterator[tuple[str, str, int]]:
    for module, policy in sorted(_policies(template)):
        for number in range(len(_policy(template, policy))):
            yield module, policy, number


def _policy(template: Template, name: str) -> list[dict[str, Any]]:
    document = template["Resources"][name]["Properties"]["PolicyDocument"]
    statements: list[dict[str, Any]] = document["Statement"]
    return statements


def _without(statement: dict[str, Any], action: str, resource: Any) -> list[dict[str, Any]]:
    """The statement without one action on one resource."""
    actions, on = as_list(statement["Action"]), as_list(statement["Resource"])
    others = [each for each in actions if each != action]
    elsewhere = [each for each in on if each != resource]
    kept = [{**statement, "Action": others}] if others else []
    return kept + ([{**statement, "Action": action, "Resource": elsewhere}] if elsewhere else [])


if __name__ == "__main__":
    sys.exit(main())
