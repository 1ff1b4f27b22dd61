"""A CloudFormation template as IAM sees it: ARNs, what each function may do and what it must."""

import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from tests.infra.reading import Template, as_list, functions, resources

PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "123456789012",
    "AWS::URLSuffix": "amazonaws.com",
}
_ARNS = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:us-east-1:123456789012:table/{}",
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::Lambda::Function": "arn:aws:lambda:us-east-1:123456789012:function:{}",
    "AWS::SQS::Queue": "arn:aws:sqs:us-east-1:123456789012:{}",
    "AWS::Logs::LogGroup": "arn:aws:logs:us-east-1:123456789012:log-group:{}:*",
    "AWS::Events::EventBus": "arn:aws:events:us-east-1:123456789012:event-bus/{}",
    "AWS::KMS::Key": "arn:aws:kms:us-east-1:123456789012:key/{}",
}
_KEYS: dict[str, tuple[str | int, ...]] = {
    "AWS::DynamoDB::Table": ("SSESpecification", "KMSMasterKeyId"),
    "AWS::SQS::Queue": ("KmsMasterKeyId",),
    "AWS::S3::Bucket": (
        "BucketEncryption",
        "ServerSideEncryptionConfiguration",
        0,
        "ServerSideEncryptionByDefault",
        "KMSMasterKeyID",
    ),
}
"""Where a resource says by which KMS key it is encrypted."""
_HASH = re.compile(r"(?<=[a-z])[0-9A-F]{8}(?![0-9A-Za-z])")


class Grant(NamedTuple):
    """One action of a policy on one resource pattern; `via` is the service of kms:ViaService."""

    action: str
    resource: str
    via: str = ""

    def allows(self, need: "Grant") -> bool:
        """Whether this grant is enough for a need, which names one action and one resource."""
        return (
            _matches(self.action.lower(), need.action.lower())
            and _matches(self.resource, need.resource)
            and self.via in ("", need.via)
        )

    def __str__(self) -> str:
        return f"{self.action} on {short(self.resource)}{self.via and f' through {self.via}'}"


class Deployment:
    """A synthesized template, with every reference resolved to a name or an ARN."""

    def __init__(self, template: Template) -> None:
        self._template = template
        self.functions = functions(template)
        """By module, such as `functions.create_order`."""

    @cached_property
    def grants(self) -> dict[str, frozenset[Grant]]:
        """What the role of each function may do, by module."""
        return {module: frozenset(self._granted(module)) for module in self.functions}

    @cached_property
    def environments(self) -> dict[str, dict[str, str]]:
        """The environment variables of each function, as ARNs or names, by module."""
        return {
            module: {
                name: self.text(value)
                for name, value in function["Properties"]["Environment"]["Variables"].items()
            }
            for module, function in self.functions.items()
        }

    def logical_id(self, module: str) -> str:
        """The function's logical id in the template."""
        (found,) = (
            name
            for name, resource in self._template["Resources"].items()
            if resource is self.functions[module]
        )
        return str(found)

    def arn(self, name: str) -> str:
        """The ARN of a resource by its logical id; what is an ARN already stays one."""
        if name.startswith("arn:"):
            return name
        return _ARNS[self._template["Resources"][name]["Type"]].format(name)

    def destinations(self, module: str) -> list[str]:
        """ARNs of the queues that take events which the function failed to process."""
        logical_id = self.logical_id(module)
        configs = resources(self._template, "AWS::Lambda::EventInvokeConfig").values()
        return [
            self.text(config["Properties"]["DestinationConfig"]["OnFailure"]["Destination"])
            for config in configs
            if config["Properties"]["FunctionName"] == {"Ref": logical_id}
        ]

    def streams(self, module: str) -> Iterator[tuple[str, str]]:
        """ARNs of streams that invoke the function, and of the queues for what it can't process."""
        logical_id = self.logical_id(module)
        aliases = resources(self._template, "AWS::Lambda::Alias").items()
        own = [
            id
            for id, alias in aliases
            if alias["Properties"]["FunctionName"] == {"Ref": logical_id}
        ]
        for mapping in resources(self._template, "AWS::Lambda::EventSourceMapping").values():
            properties = mapping["Properties"]
            if any(id in str(properties["FunctionName"]) for id in (logical_id, *own)):
                failed = properties["DestinationConfig"]["OnFailure"]["Destination"]
                yield self.text(properties["EventSourceArn"]), self.text(failed)

    def key_of(self, arn: str) -> str | None:
        """The ARN of the customer key that encrypts a table, bucket or queue."""
        return self._keys.get(arn)

    def text(self, value: Any) -> str:
        """What CloudFormation makes of a value: the name of a resource, an ARN, or joined text."""
        match value:
            case {"Ref": str(name)}:
                return PSEUDO.get(name) or self._reference(name)
            case {"Fn::GetAtt": [str(name), "Arn"]}:
                return self.arn(name)
            case {"Fn::GetAtt": [str(name), "StreamArn"]}:
                return f"{self.arn(name)}/stream/*"
            case {"Fn::Join": [str(mark), list(parts)]}:
                return mark.join(self.text(part) for part in parts)
        return str(value)

    def _reference(self, name: str) -> str:
        resource = self._template["Resources"][name]
        if resource["Type"] == "AWS::Lambda::Alias":
            properties = resource["Properties"]
            return f"{self.arn(properties['FunctionName']['Ref'])}:{properties['Name']}"
        return name

    @cached_property
    def _keys(self) -> dict[str, str]:
        return {
            self.arn(name): self.text(key)
            for kind, path in _KEYS.items()
            for name, resource in resources(self._template, kind).items()
            if (key := _at(resource["Properties"], path))
        }

    def _granted(self, module: str) -> Iterator[Grant]:
        role = self.functions[module]["Properties"]["Role"]["Fn::GetAtt"][0]
        own = self._template["Resources"][role]["Properties"]
        if "ManagedPolicyArns" in own or "Policies" in own:
            raise AssertionError(f"{role} has policies that this check does not read")
        for policy in resources(self._template, "AWS::IAM::Policy").values():
            if {"Ref": role} in policy["Properties"]["Roles"]:
                for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                    yield from self._statement(statement)

    def via(self, statement: dict[str, Any]) -> str:
        """The service through which a statement lets a KMS key be used; empty if it says none."""
        match statement:
            case {"Effect": "Allow", "Condition": {"StringEquals": {"kms:ViaService": service}}}:
                return self.text(service).partition(".")[0]
            case {"Effect": "Allow"} if "Condition" not in statement:
                return ""
        raise AssertionError(f"this check does not understand the statement {statement}")

    def _statement(self, statement: dict[str, Any]) -> Iterator[Grant]:
        via = self.via(statement)
        for action in as_list(statement["Action"]):
            for resource in as_list(statement["Resource"]):
                yield Grant(action, self.text(resource), via)


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    """What is at a path of names and numbers; None if it ends early."""
    for step in path:
        if isinstance(step, str) and step not in value:
            return None
        value = value[step]
    return value


def short(arn: str) -> str:
    """An ARN as a reader knows it: `table/DataOrders`, `DataUploads/_results/*`."""
    return _HASH.sub("", arn.split(":", 5)[-1] if arn.startswith("arn:") else arn)


@lru_cache(maxsize=10_000)
def _matches(pattern: str, text: str) -> bool:
    """IAM's wildcards: `*` for any text, `/` and nothing included, and `?` for one character."""
    parts = ("".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern), text)
    return re.fullmatch(*parts, flags=re.DOTALL) is not None
