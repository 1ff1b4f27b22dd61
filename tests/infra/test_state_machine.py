"""The state machine's definition is what Step Functions accepts, and its maps keep no output."""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from infra.stamp import ROOT
from tests.infra.reading import Definition, Template, all_states, state_machine

VALIDATOR = ROOT / "node_modules" / ".bin" / "asl-validator"
PSEUDO_PARAMETERS = {
    "<AWS::Partition>": "aws",
    "<AWS::Region>": "eu-central-1",
    "<AWS::AccountId>": "123456789012",
}
FUNCTION_ARN = "arn:aws:lambda:eu-central-1:123456789012:function:ImportCsv:live"


def deployed(template: Template) -> str:
    """The definition as a deploy sends it: no CloudFormation reference is left."""
    text = json.dumps(state_machine(template))
    for name, value in PSEUDO_PARAMETERS.items():
        text = text.replace(name, value)
    return re.sub(r"<ImportCsv[A-Za-z0-9.]+>", FUNCTION_ARN, text)


def validate(definitions: Mapping[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run npm's asl-validator once on all of them: starting Node takes longer than its work."""
    for name, text in definitions.items():
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    paths = [argument for name in definitions for argument in ("--json-path", f"{name}.json")]
    return subprocess.run(
        [VALIDATOR, *paths], cwd=folder, capture_output=True, text=True, check=False
    )


def test_asl_validator_accepts_the_definition_of_every_stage(
    synthesize: Callable[[str], Template], tmp_path: Path
) -> None:
    definitions = {name: deployed(synthesize(name)) for name in ("local", "dev", "prod")}
    assert not [text for text in definitions.values() if "<" in text]

    done = validate(definitions, tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("edit", "refusal"),
    [
        (("Chunk to write", "Chunk to validate"), "DUPLICATE_STATE_NAME"),
        (('"Default": "Finish"', '"Default": "Nowhere"'), "MISSING_TRANSITION_TARGET"),
        (('"BackoffRate": 2', '"BackoffRate": "2"'), "SCHEMA_VALIDATION_FAILED"),
    ],
)
def test_asl_validator_refuses_a_broken_definition(
    prod: Template, tmp_path: Path, edit: tuple[str, str], refusal: str
) -> None:
    text = deployed(prod)
    assert edit[0] in text

    done = validate({"broken": text.replace(*edit)}, tmp_path)

    assert done.returncode == 1
    assert refusal in done.stdout + done.stderr


def test_every_state_name_is_unique_in_the_whole_machine(template: Template) -> None:
    """Amazon States Language: "state names MUST be unique within the scope of the whole state
    machine", and at most 128 characters long.
    """
    names = Counter(name for name, _ in all_states(template))

    assert [name for name, count in names.items() if count > 1] == []
    assert max(map(len, names)) <= 128
    assert len(names) == 13


def test_no_map_keeps_the_output_of_its_children(template: Template) -> None:
    """A Distributed Map gathers the output of all its children, at most 256 KiB, even where
    `ResultPath` discards it (github.com/aws/aws-cdk/issues/24799).
    """
    maps = [state for _, state in all_states(template) if state["Type"] == "Map"]

    assert len(maps) == 2
    for state in maps:
        assert final_states(state["ItemProcessor"])
        for final in final_states(state["ItemProcessor"]):
            assert final["OutputPath"] is None


def final_states(processor: Definition) -> list[Definition]:
    """States that end an execution with an output."""
    return [
        state
        for state in processor["States"].values()
        if state["Type"] == "Succeed" or state.get("End")
    ]
