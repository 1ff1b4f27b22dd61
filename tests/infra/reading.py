"""Reading a CloudFormation template."""

from typing import Any

Template = dict[str, Any]


def resources(template: Template, kind: str) -> dict[str, Any]:
    """Resources of a type such as `AWS::S3::Bucket`, by logical id."""
    return {
        name: resource
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def functions(template: Template) -> dict[str, Any]:
    """Our functions by their module; CDK's own, which sets the notification, is not among them."""
    return {
        function["Properties"]["Handler"].removesuffix(".handler"): function
        for function in resources(template, "AWS::Lambda::Function").values()
        if "ZipFile" not in function["Properties"]["Code"]
    }


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
    """What becomes of events for a function that nobody waits for."""
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
