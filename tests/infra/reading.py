"""Reading a CloudFormation template."""

import json
from collections.abc import Iterator
from typing import Any

Template = dict[str, Any]
Definition = dict[str, Any]
"""A state machine, or the processor of a map, in the Amazon States Language."""


def resources(template: Template, kind: str) -> dict[str, Any]:
    """Resources of a type such as `AWS::S3::Bucket`, by logical id."""
    return {
        name: resource
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def functions(template: Template) -> dict[str, Any]:
    """Our functions by their module; CDK's own, which set and empty the bucket, are not ours."""
    return {
        function["Properties"]["Handler"].removesuffix(".handler"): function
        for function in resources(template, "AWS::Lambda::Function").values()
        if function["Properties"]["Handler"].startswith("functions.")
    }


def live(template: Template, module: str) -> Any:
    """What others call of a function: its alias, where the stage has one, or its ARN."""
    made = functions(template)[module]
    (name,) = (name for name, each in template["Resources"].items() if each is made)
    for alias, each in resources(template, "AWS::Lambda::Alias").items():
        if each["Properties"]["FunctionName"] == {"Ref": name}:
            return {"Ref": alias}
    return {"Fn::GetAtt": [name, "Arn"]}


def live_arn(template: Template, module: str) -> str:
    """The same as grants name it, in the words of `flat`."""
    made = functions(template)[module]
    (name,) = (name for name, each in template["Resources"].items() if each is made)
    return f"<{name}.Arn>:live" if "Ref" in live(template, module) else f"<{name}.Arn>"


def flat(value: Any) -> str:
    """Text that CloudFormation joins, with each reference by its name."""
    if isinstance(value, str):
        return value
    ((how, what),) = value.items()
    if how == "Fn::Join":
        return "".join(flat(part) for part in what[1])
    return f"<{what if how == 'Ref' else '.'.join(what)}>"


def tables(template: Template) -> dict[str, Any]:
    """Tables by the name of their output, such as `Orders`."""
    made = resources(template, "AWS::DynamoDB::Table")
    return {
        output.removesuffix("Table"): made[value["Value"]["Ref"]]
        for output, value in template["Outputs"].items()
        if output.endswith("Table")
    }


def table_names(template: Template) -> dict[str, str]:
    """What a table is called, such as `Orders`, by its logical id."""
    return {
        value["Value"]["Ref"]: output.removesuffix("Table")
        for output, value in template["Outputs"].items()
        if output.endswith("Table")
    }


def asynchronous(template: Template, module: str) -> dict[str, Any]:
    """The event invoke configuration of a function: retries and destination."""
    (properties,) = (
        config["Properties"]
        for config in resources(template, "AWS::Lambda::EventInvokeConfig").values()
        if template["Resources"][config["Properties"]["FunctionName"]["Ref"]]
        == functions(template)[module]
    )
    found: dict[str, Any] = properties
    return found


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def machine_resource(template: Template, name: str = "Imports") -> dict[str, Any]:
    """The state machine of imports, or of exports."""
    (machine,) = (
        each
        for each in resources(template, "AWS::StepFunctions::StateMachine").values()
        if each["Properties"]["StateMachineName"].endswith(f"-{name}")
    )
    return dict(machine)


def state_machine(template: Template, name: str = "Imports") -> Definition:
    """The definition of a state machine, in the words of `flat`."""
    machine = machine_resource(template, name)
    found: Definition = json.loads(flat(machine["Properties"]["DefinitionString"]))
    return found


def all_states(template: Template) -> list[tuple[str, Definition]]:
    """Every state with its name, including the states inside maps; a name may come twice."""
    return list(_states_of(state_machine(template)))


def _states_of(definition: Definition) -> Iterator[tuple[str, Definition]]:
    for name, state in definition["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from _states_of(state["ItemProcessor"])


def role_of(resource: dict[str, Any]) -> str:
    """The logical id of the role that a function or a state machine has."""
    properties = resource["Properties"]
    (role, _) = (properties.get("Role") or properties["RoleArn"])["Fn::GetAtt"]
    return str(role)


def statements_of(template: Template, role: str) -> list[dict[str, Any]]:
    """Everything that a role is granted; it may have no managed policy, which would hide some."""
    properties = template["Resources"][role]["Properties"]
    assert not properties.get("ManagedPolicyArns"), role
    documents = [each["PolicyDocument"] for each in properties.get("Policies", [])]
    documents += [
        policy["Properties"]["PolicyDocument"]
        for policy in resources(template, "AWS::IAM::Policy").values()
        if {"Ref": role} in policy["Properties"]["Roles"]
    ]
    return [statement for document in documents for statement in document["Statement"]]


def logical_id(reference: Any) -> str:
    """Of `Ref` or `Fn::GetAtt`."""
    ((how, what),) = reference.items()
    return str(what if how == "Ref" else what[0])
