"""The comparison finds codes that the document lacks, and codes that nothing raises."""

import pytest

from functions.web.error_codes import CODES, FAULT_CODES
from infra.stamp import ROOT
from shared.errors import Conflict, Fault, Refused
from tests.functions.shop import Shop
from tests.handler_run import Part
from tests.openapi_asset import use_openapi_asset
from tests.refusals import codes
from tests.refusals.codes import NO_OPERATION, Refusal
from tests.refusals.plugin import Plugin, verdict
from tests.refusals.reasons import REASONS


def everything() -> set[Refusal]:
    """As if every documented code had been raised that has no reason."""
    return {
        Refusal(operation, code)
        for operation, (_, documented) in codes.documented().items()
        for code in documented
        if (operation, code) not in REASONS
    }


def part_of(raised: set[Refusal]) -> Part:
    return Part({"a"}, whole=True, passed={"a"}, found={tuple(each) for each in raised})


def test_the_same_codes_on_both_sides_are_no_finding() -> None:
    assert codes.undocumented(everything()) == []
    assert verdict(part_of(everything()), required=True) == ([], False)


def test_a_code_that_no_test_raises_fails_a_whole_run_and_says_where_it_is() -> None:
    raised = everything() - {Refusal("create_order", "users_required")}

    (line,), failed = verdict(part_of(raised), required=True)

    assert failed
    assert 'create_order documents "users_required"' in line


def test_a_reason_for_what_is_raised_after_all_fails_a_whole_run() -> None:
    reason = next(iter(REASONS))

    (line,), failed = verdict(part_of(everything() | {Refusal(*reason)}), required=True)

    assert failed
    assert "is not needed any more" in line


@pytest.mark.parametrize("required", [True, False])
def test_a_part_of_the_tests_is_not_judged_and_fails_where_the_whole_is_required(
    required: bool,
) -> None:
    part = Part({"a", "b"}, whole=True, passed={"a"})

    lines, failed = verdict(part, required=required)

    assert lines == ["refusals: not compared both ways, since not every handler test passed"]
    assert failed == required
    assert verdict(Part(), required=False) == ([], False)


def test_every_listed_code_is_documented_by_an_operation() -> None:
    assert codes.unused_codes() == []


def test_the_page_names_the_codes_of_faults() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")

    assert [code for code in FAULT_CODES if f"`{code}`" not in page] == []
    assert FAULT_CODES.isdisjoint(CODES)


def test_faults_count_with_the_code_that_they_have_alone() -> None:
    faults = [Fault("users_required", "m"), Fault("int_type", "m"), Fault("required", "m")]

    assert codes.codes_raised(Refused("validation_error", "m", faults=faults)) == {
        "validation_error",
        "users_required",
    }
    assert codes.codes_raised(Conflict("order_id_exists", "m", faults=faults)) == {
        "order_id_exists"
    }
    assert codes.codes_raised(KeyError("x")) == {"internal_error"}


def test_the_advice_says_what_to_add_where() -> None:
    known = codes.advice(Refusal("list_orders", "users_required"))
    unknown = codes.advice(Refusal("create_order", "brand_new"))

    assert 'add "users_required" to refusals=(…) of list_orders in functions/records.py' in known
    assert "CODES" not in known
    assert 'add "brand_new": (<status>, ' in unknown
    assert "to CODES in functions/web/error_codes.py" in unknown
    assert 'add "brand_new" to refusals=(…) of create_order in functions/create_order.py' in unknown


def test_requests_are_recorded_by_operation(
    shop: Shop, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_openapi_asset(monkeypatch)
    plugin = request.config.pluginmanager.get_plugin("refusals")
    assert isinstance(plugin, Plugin)
    plugin.recorder.recording = True

    shop.get("/licenses/1/")
    shop.refused(license={"users": [{"email": "ana@acme.example"}]})
    shop.get("/nothing/")

    assert list(plugin.recorder.new) == [
        Refusal("show_license", "license_not_found"),
        Refusal("create_order", "users_not_allowed"),
        Refusal(NO_OPERATION, "not_found"),
    ]


def test_an_undocumented_code_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    module, documented = codes.documented()["create_order"]
    lacking = tuple(code for code in documented if code != "users_required")
    without = {**codes.documented(), "create_order": (module, lacking)}
    monkeypatch.setattr(codes, "documented", lambda: without)

    assert codes.undocumented(everything() | {Refusal("create_order", "users_required")}) == [
        Refusal("create_order", "users_required")
    ]
