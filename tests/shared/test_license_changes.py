"""Changes of licenses: patches, policies and bulk requests."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from shared.errors import Refused
from shared.license_changes import (
    BulkIds,
    BulkUpdate,
    LicensePatch,
    PolicyRequest,
    apply_policy,
    change_features,
    change_license,
)
from shared.license_features import FeaturesRequest
from shared.licenses import License
from tests.shared.value_shop import NOW, ValueShop, fault_codes, read, refusal

LATER = NOW + timedelta(minutes=1)
SHOP = ValueShop()


def issued(product: str = "kp", **license: Any) -> License:
    (lic,) = SHOP.plan(items=[{"product_code": product, "licenses": [license]}]).licenses
    return lic


def changed(lic: License, **patch: Any) -> License:
    product = SHOP.products[lic.product_code]
    return change_license(lic, read(LicensePatch, patch), product, now=LATER)


def refused(lic: License, **patch: Any) -> Refused:
    return refusal(lambda: changed(lic, **patch))


def applied(lic: License, policy: str, **terms: Any) -> License:
    request = read(PolicyRequest, {"policy_code": policy, **terms})
    return apply_policy(lic, request, SHOP.products[lic.product_code], now=LATER)


def test_a_patch_sets_what_it_names_and_keeps_the_rest() -> None:
    lic = issued(max_activations=5, note="old", metadata={"a": 1})

    after = changed(lic, max_activations=7, metadata={"b": True})

    assert (after.max_activations, after.note, after.metadata) == (7, "old", {"b": True})
    assert after.updated_at == LATER
    assert (after.id, after.license_key, after.order_id) == (lic.id, lic.license_key, lic.order_id)


@pytest.mark.parametrize("patch", [{}, {"max_activations": 5}, {"note": "old", "enabled": True}])
def test_a_patch_without_a_difference_is_the_license_itself(patch: dict[str, Any]) -> None:
    lic = issued(max_activations=5, note="old")

    assert changed(lic, **patch) is lic


def test_true_is_another_value_of_metadata_than_one() -> None:
    lic = issued(metadata={"a": 1})

    assert changed(lic, metadata={"a": True}) is not lic


def test_null_clears_what_may_be_empty() -> None:
    lic = issued(note="old", subscription_id="s-1", validity_period="2030-12-31")

    after = changed(lic, note=None, subscription_id=None, validity_period=None, metadata=None)

    assert (after.note, after.subscription_id, after.validity_period) == (None, None, None)
    assert after.metadata == {}


def test_a_disabled_license_shows_since_when() -> None:
    disabled = changed(issued(), enabled=False)

    assert (disabled.enabled, disabled.time_disabled) == (False, LATER)
    assert changed(disabled, enabled=True).time_disabled is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("license_key", "OTHER"), ("product_code", "up"), ("order", 1), ("license_users", [])],
)
def test_the_identity_of_a_license_can_not_be_changed(field: str, value: Any) -> None:
    assert fault_codes(refused(issued(), **{field: value})) == {f"/{field}": "immutable"}


def test_the_identity_of_a_license_may_be_repeated() -> None:
    lic = issued()
    same = {"id": lic.id, "license_key": lic.license_key, "product": lic.product_code}

    assert changed(lic, **same) is lic


def test_all_faults_of_a_patch_are_reported() -> None:
    problem = refused(
        issued(), order_id=1, max_overages=3, product_features=["f1", "f1", "nope"], note="x"
    )

    assert fault_codes(problem) == {
        "/order_id": "immutable",
        "/max_overages": "consumption_only",
        "/product_features/1": "feature_repeated",
        "/product_features/2": "unsupported_product_feature",
    }


def test_two_ends_of_a_license_are_a_conflict() -> None:
    lic = issued(license_type="time-limited", valid_duration="1y")

    problem = refused(lic, valid_duration="2y", validity_period="2030-12-31")

    assert fault_codes(problem) == {"/validity_period": "term_conflict"}


def test_a_new_end_replaces_the_other_kind_of_end() -> None:
    by_duration = issued(license_type="time-limited", valid_duration="1y")
    by_date = changed(by_duration, validity_period="2030-12-31")

    assert (by_date.valid_duration, str(by_date.validity_period)) == (None, "2030-12-31")

    again = changed(by_date, valid_duration="2y")

    assert (again.valid_duration, again.validity_period) == ("2y", None)


@pytest.mark.parametrize("unset", ["0001-01-01T00:00:00Z", "0001-01-01"])
def test_the_zero_time_of_a_client_removes_no_date(unset: str) -> None:
    lic = issued(validity_period="2030-12-31")

    assert changed(lic, validity_period=unset) is lic


def test_aliases_with_different_values_are_a_conflict() -> None:
    names = {"enable_maintenance_period": True, "enable_maintenance_duration": False}

    problem = refused(issued(), **names, maintenance_duration="1y")

    assert fault_codes(problem)["/enable_maintenance_duration"] == "alias_conflict"


def test_features_are_replaced_and_those_that_stay_keep_their_terms() -> None:
    credits = {"code": "credits", "max_consumption": 25}
    lic = issued(product_features=["f1", credits])

    after = changed(lic, product_features=["f2", "credits"])

    assert [grant.code for grant in after.product_features] == ["f2", "credits"]
    assert after.product_features[1] == lic.product_features[1]
    assert after.product_features[1].max_consumption == 25


def test_a_policy_brings_its_terms() -> None:
    lic = issued(license_type="time-limited", valid_duration="1d", max_activations=1)

    after = applied(lic, "policy_A")

    assert (after.policy_code, after.valid_duration, after.max_activations) == ("policy_A", "1y", 5)
    assert (after.license_type, after.license_key) == (lic.license_type, lic.license_key)


def test_terms_of_the_request_override_those_of_the_policy() -> None:
    lic = issued(license_type="time-limited", valid_duration="1d")

    after = applied(lic, "policy_A", max_activations=9, validity_period="2030-12-31")

    assert (after.max_activations, after.valid_duration) == (9, None)
    assert str(after.validity_period) == "2030-12-31"


def test_the_policy_that_a_license_has_changes_nothing() -> None:
    lic = issued(policy_code="policy_A")

    assert applied(lic, "policy_A") is lic


def test_an_unknown_policy_is_reported_with_the_other_faults() -> None:
    problem = refusal(lambda: applied(issued(), "nope", order_id=1))

    assert fault_codes(problem) == {"/order_id": "immutable", "/policy_code": "unknown_policy"}


@pytest.mark.parametrize("body", [[], list(range(1, 102))], ids=["none", "101"])
def test_a_bulk_request_has_1_to_100_entries(body: list[int]) -> None:
    with pytest.raises(ValidationError, match="1 to 100 entries"):
        BulkIds.model_validate(body)
    with pytest.raises(ValidationError, match="1 to 100 entries"):
        BulkUpdate.model_validate([{"id": id} for id in body])


def test_ids_are_sent_bare_or_named() -> None:
    bare, named = BulkIds.model_validate([1, 2]), BulkIds.model_validate({"license_ids": [1, 2]})

    assert (bare.ids, bare.path) == ((1, 2), ())
    assert (named.ids, named.path) == ((1, 2), ("license_ids",))


def test_an_unknown_field_of_a_patch_is_refused() -> None:
    with pytest.raises(ValidationError, match="colour"):
        read(LicensePatch, {"colour": "red"})


def test_a_request_for_features_removes_those_that_it_does_not_name() -> None:
    lic = issued(product_features=["f1", {"code": "credits", "max_consumption": 25}])
    entries = [{"product_feature": "credits", "total_consumptions": 3}, {"product_feature": "f2"}]
    request = read(FeaturesRequest, {"product_features": entries})

    after = change_features(lic, request, SHOP.products["kp"], now=LATER)

    assert [grant.code for grant in after.product_features] == ["credits", "f2"]
    credits = after.product_features[0]
    assert (credits.max_consumption, credits.total_consumptions) == (25, 3)
    assert change_features(after, request, SHOP.products["kp"], now=LATER) is after


def test_the_consumption_of_a_license_can_only_be_none() -> None:
    lic = issued()

    assert changed(lic, total_consumptions=0) is lic
    with pytest.raises(ValidationError):
        changed(lic, total_consumptions=5)
