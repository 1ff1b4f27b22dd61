"""Change licenses: one, several, or by a policy. LicenseSpring: Update License."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.licenses import License
from shared.store import dynamo
from shared.store.licenses import get_license
from shared.workflows import change_licenses, import_chunk
from tests.functions.import_files import Files
from tests.functions.shop import Shop, fault_codes
from tests.wiretap import Wiretap, answer_lost, meanwhile, tapped


def changed(shop: Shop, lic: Any, **patch: Any) -> Any:
    return shop.patch(f"/licenses/{lic['id']}/", patch).ok()


def shown(shop: Shop, lic: Any) -> Any:
    return shop.get(f"/licenses/{lic['id']}/").json()


def differences(one: Any, other: Any) -> set[str]:
    return {name for name in one | other if one.get(name) != other.get(name)}


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"max_activations": 7}, {"max_activations": 7}),
        ({"max_activations": 1}, {"max_activations": 1}),
        ({"max_activations": 0}, {"max_activations": 0}),
        ({"is_trial": "true", "trial_days": 14}, {"is_trial": True, "trial_days": 14}),
        ({"note": "x"}, {"note": "x"}),
        ({"subscription_id": "s-1"}, {"subscription_id": "s-1"}),
        ({"metadata": '{"a": 1}'}, {"metadata": {"a": 1}}),
        ({"metadata": {"a": True}}, {"metadata": {"a": True}}),
        ({"start_date": "2027-01-01"}, {"start_date": "2027-01-01"}),
        ({"maintenance_period": "2027-01-01"}, {"maintenance_period": "2027-01-01"}),
        ({"enable_maintenance_duration": 1}, {"enable_maintenance_period": True}),
        ({"maintenance_duration": "1w"}, {"maintenance_duration": "7d"}),
        (
            {"custom_fields": [{"name": "a", "value": 1}]},
            {"custom_fields": [{"name": "a", "value": 1}]},
        ),
        ({"is_floating": True, "floating_users": 2, "max_activations": 2}, {"floating_users": 2}),
    ],
)
def test_a_license_is_changed_in_what_is_named(
    shop: Shop, patch: dict[str, Any], expected: dict[str, Any]
) -> None:
    before = shop.order_one(
        "kp", {"key": "K-1", "max_activations": 3, "metadata": {"a": 1.0, "b": 2}}
    )

    after = changed(shop, before, **patch)

    named = patch.keys() | expected.keys() | {"updated_at"}
    assert {name: after[name] for name in expected} == expected
    assert differences(before, after) <= named - {"enable_maintenance_duration"}
    assert shown(shop, before) == after
    assert shop.get("/licenses/", "license_key=K-1").json()["results"] == [after]


def test_a_license_is_extended_by_either_end(shop: Shop) -> None:
    lic = shop.order_one("kp", {"license_type": "time-limited", "valid_duration": "1y"})

    until = changed(shop, lic, validity_period="2030-12-31")
    again = changed(shop, lic, valid_duration="2y")

    assert (until["validity_period"], until["valid_duration"]) == ("2030-12-31", None)
    assert (again["validity_period"], again["valid_duration"]) == (None, "2y")


@pytest.mark.parametrize("empty", ["", "0000-00-00", "0001-01-01T00:00:00Z"])
def test_an_unset_date_removes_no_end(shop: Shop, empty: str) -> None:
    lic = shop.order_one("kp", {"validity_period": "2030-12-31"})

    assert changed(shop, lic, validity_period=empty, note="x")["validity_period"] == "2030-12-31"
    assert changed(shop, lic, validity_period=None)["validity_period"] is None


@pytest.mark.parametrize(
    ("patch", "cleared"),
    [
        ({"note": None}, {"note": None}),
        ({"note": ""}, {"note": None}),
        ({"metadata": None}, {"metadata": {}}),
        ({"custom_fields": None}, {"custom_fields": []}),
        ({"start_date": None}, {"start_date": None}),
        ({"maintenance_duration": None}, {"maintenance_duration": None}),
        ({"max_activations": None}, {"max_activations": 3}),
        ({"can_borrow": None}, {"can_borrow": True}),
        ({"enabled": None, "is_trial": None}, {"enabled": True, "is_trial": False}),
        ({"product_features": None}, {}),
    ],
)
def test_null_clears_what_can_have_no_value(
    shop: Shop, patch: dict[str, Any], cleared: dict[str, Any]
) -> None:
    lic = shop.order_one(
        "kp",
        {
            "note": "x",
            "metadata": {"a": 1},
            "custom_fields": [{"name": "a"}],
            "start_date": "2027-01-01",
            "maintenance_duration": "1y",
            "max_activations": 3,
            "can_borrow": True,
        },
    )

    after = changed(shop, lic, **patch)

    assert {name: after[name] for name in cleared} == cleared
    assert differences(lic, after) <= {*patch, "updated_at"}


@pytest.mark.parametrize(
    ("patch", "faults"),
    [
        ({"license_key": "other"}, {"/license_key": "immutable"}),
        ({"license_type": "perpetual"}, {"/license_type": "immutable"}),
        ({"product": "cp", "order": 1}, {"/product": "immutable", "/order": "immutable"}),
        ({"license_users": []}, {"/license_users": "immutable"}),
        ({"max_activations": -1}, {"/max_activations": "greater_than_equal"}),
        ({"color": "red"}, {"/color": "unknown_field"}),
        (
            {"valid_duration": "1y", "validity_period": "2030-01-01"},
            {"/validity_period": "term_conflict"},
        ),
        ({"valid_duration": None}, {"/valid_duration": "duration_required"}),
        ({"floating_users": 9}, {"/floating_users": "too_many_floating_users"}),
        ({"max_overages": 9}, {"/max_overages": "consumption_only"}),
        (
            {"enable_maintenance_period": True, "enable_maintenance_duration": False},
            {"/enable_maintenance_duration": "alias_conflict"},
        ),
        ({"product_features": ["nope"]}, {"/product_features/0": "unsupported_product_feature"}),
        ({"product_features": ["f1", "f1"]}, {"/product_features/1": "feature_repeated"}),
    ],
)
def test_a_change_that_an_order_could_not_make_is_refused(
    shop: Shop, patch: dict[str, Any], faults: dict[str, str]
) -> None:
    lic = shop.order_one("kp", {"license_type": "time-limited", "valid_duration": "1y"})
    policy = {"policy_code": "policy_A"}

    one = shop.patch(f"/licenses/{lic['id']}/", patch)
    bulk = shop.patch("/licenses/bulk_update/", [{"id": lic["id"], **patch}])
    applied = shop.post(f"/licenses/{lic['id']}/apply_policy/", {**patch, **policy})

    assert (one.status, fault_codes(one.json())) == (400, faults)
    assert (bulk.status, fault_codes(bulk.json())) == (
        400,
        {f"/0{at}": code for at, code in faults.items()},
    )
    if "valid_duration" not in patch:
        assert fault_codes(applied.json()) == faults
    assert shown(shop, lic) == lic


def test_what_identifies_a_license_may_be_repeated(shop: Shop) -> None:
    lic = shop.order_one("kp", {"key": "K-1"})
    names = ("id", "license_key", "license_type", "order", "order_item", "order_store_id")

    after = changed(shop, lic, **{name: lic[name] for name in names}, product="kp", note="x")

    assert after["note"] == "x"


def test_features_are_replaced_by_their_codes(shop: Shop) -> None:
    features = ["f1", {"code": "credits", "max_consumption": 33, "total_consumptions": 5}]
    lic = shop.order_one("kp", {"product_features": features})

    after = changed(shop, lic, product_features=["f2", {"code": "credits", "max_consumption": 50}])

    grants = {grant["product_feature"]["code"]: grant for grant in after["product_features"]}
    assert [*grants] == ["f2", "credits"]
    assert (grants["credits"]["max_consumption"], grants["credits"]["total_consumptions"]) == (
        50,
        5,
    )
    assert changed(shop, lic, product_features=[])["product_features"] == []


def test_a_feature_that_was_switched_off_stays_on_a_license_that_has_it(shop: Shop) -> None:
    lic = shop.order_one("kp", {"product_features": ["f1"]})
    other = shop.order_one("kp")
    feature = lic["product_features"][0]["product_feature"]["id"]
    shop.patch(f"/product-features/{feature}/", {"active": False})

    kept = changed(shop, lic, product_features=["f1"], note="x")
    refused = shop.patch(f"/licenses/{other['id']}/", {"product_features": ["f1"]})

    assert len(kept["product_features"]) == 1
    assert fault_codes(refused.json()) == {"/product_features/0": "unsupported_product_feature"}


def test_enabled_is_changed_with_its_time(shop: Shop) -> None:
    lic = shop.order_one()

    off = changed(shop, lic, enabled=False)
    on = changed(shop, lic, enabled=1)

    assert (off["status"], off["time_disabled"] is not None) == ("Disabled", True)
    assert (on["status"], on["time_disabled"]) == ("Inactive", None)


def test_a_change_without_a_difference_writes_nothing(shop: Shop) -> None:
    lic = shop.order_one("kp", {"max_activations": 3, "metadata": {"a": 1}})

    with tapped() as tap:
        same = changed(shop, lic, max_activations=3, metadata='{"a": 1}', enabled=True)

    assert same == lic
    assert not tap.bodies("TransactWriteItems")
    assert changed(shop, lic, metadata={"a": True})["metadata"]["a"] is True


def test_a_change_whose_answer_is_lost_is_made_once(shop: Shop) -> None:
    lic = shop.order_one()

    with tapped("TransactWriteItems", answer_lost):
        after = changed(shop, lic, max_activations=9)

    assert after["max_activations"] == 9
    assert shown(shop, lic) == after


def test_concurrent_changes_are_all_kept(shop: Shop) -> None:
    lic = shop.order_one()

    with tapped("TransactWriteItems", meanwhile(lambda: changed(shop, lic, note="theirs"))):
        after = changed(shop, lic, max_activations=9)

    assert (after["note"], after["max_activations"]) == ("theirs", 9)
    assert shown(shop, lic) == after


@pytest.mark.parametrize("switch", ["enable", "disable"])
def test_a_switch_keeps_a_concurrent_change(shop: Shop, switch: str) -> None:
    lic = shop.order_one("kp", {"enabled": switch == "disable"})

    with tapped("TransactWriteItems", meanwhile(lambda: changed(shop, lic, note="theirs"))):
        after = shop.post(f"/licenses/{lic['id']}/{switch}/").json()

    assert (after["note"], after["enabled"]) == ("theirs", switch == "enable")
    assert shown(shop, lic) == after


def _always(tap: Wiretap, shop: Shop, lic: Any, times: int) -> None:
    """Another change before each write."""
    count = iter(range(100))
    for nth in range(1, 2 * times, 2):
        tap.on(
            "TransactWriteItems",
            meanwhile(lambda: changed(shop, lic, note=f"n{next(count)}")),
            nth=nth,
        )


def test_a_license_that_never_rests_is_busy_after_five_tries(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.store.retry.time.sleep", lambda _: None)
    lic = shop.order_one()
    assert change_licenses.TRIES == 5

    with tapped() as tap:
        _always(tap, shop, lic, 5)
        reply = shop.patch(f"/licenses/{lic['id']}/", {"max_activations": 9})

    assert (reply.status, reply.json()["code"]) == (503, "unavailable")
    assert shown(shop, lic)["max_activations"] == 1


def test_a_policy_that_is_archived_meanwhile_is_not_applied(shop: Shop) -> None:
    lic = shop.order_one()
    (policy,) = shop.get("/license-templates/", "product=kp&code=policy_A").json()["results"]

    def archive() -> None:
        shop.patch(f"/license-templates/{policy['id']}/", {"is_archived": True})

    with tapped("TransactWriteItems", meanwhile(archive)):
        reply = shop.post(f"/licenses/{lic['id']}/apply_policy/", {"policy_code": "policy_A"})

    assert fault_codes(reply.json()) == {"/policy_code": "unknown_policy"}
    assert shown(shop, lic) == lic


def test_a_policy_gives_a_license_its_terms(shop: Shop) -> None:
    lic = shop.order_one("kp", {"license_type": "time-limited", "validity_period": "2030-01-01"})

    reply = shop.post(
        f"/licenses/{lic['id']}/apply_policy/", {"policy_code": "policy_A", "note": "x"}
    )
    again = shop.post(
        f"/licenses/{lic['id']}/apply_policy/", {"policy_code": "policy_A", "max_activations": 7}
    )

    after = reply.json()
    assert (after["policy_code"], after["max_activations"], after["note"]) == ("policy_A", 5, "x")
    assert (after["valid_duration"], after["validity_period"]) == ("1y", None)
    assert (after["license_key"], after["order"]) == (lic["license_key"], lic["order"])
    assert (again.json()["max_activations"], again.json()["policy_code"]) == (7, "policy_A")
    assert shown(shop, lic) == again.json()


def test_a_policy_is_named_in_one_way(shop: Shop) -> None:
    id = shop.order_one()["id"]

    body = {"policy_code": "policy_A", "license_template_code": "default"}
    reply = shop.post(f"/licenses/{id}/apply_policy/", body)

    assert fault_codes(reply.json()) == {"/license_template_code": "alias_conflict"}


def test_several_licenses_are_changed_together(shop: Shop) -> None:
    licenses = [shop.order_one("kp") for _ in range(3)]

    reply = shop.patch(
        "/licenses/bulk_update/",
        [{"id": lic["id"], "max_activations": n} for n, lic in enumerate(licenses, start=2)],
    )

    assert [lic["max_activations"] for lic in reply.json()] == [2, 3, 4]
    assert [shown(shop, lic) for lic in licenses] == reply.json()


def test_several_licenses_are_changed_all_or_none(shop: Shop) -> None:
    one, two = shop.order_one("kp"), shop.order_one("kp")

    faulty = shop.patch(
        "/licenses/bulk_update/",
        [{"id": one["id"], "note": "x"}, {"id": two["id"], "max_overages": 3}],
    )
    missing = shop.patch(
        "/licenses/bulk_update/", [{"id": one["id"], "note": "x"}, {"id": 1, "note": "x"}]
    )
    twice = shop.patch("/licenses/bulk_update/", [{"id": one["id"]}, {"id": one["id"]}])

    assert fault_codes(faulty.json()) == {"/1/max_overages": "consumption_only"}
    assert (missing.status, fault_codes(missing.json())) == (404, {"/1/id": "license_not_found"})
    assert fault_codes(twice.json()) == {"/1/id": "license_repeated"}
    assert [shown(shop, lic) for lic in (one, two)] == [one, two]


@pytest.mark.parametrize("body", [[], [{"id": n} for n in range(1, 102)], {}, [{"note": "x"}], [1]])
def test_what_is_no_list_of_changes_is_refused(shop: Shop, body: Any) -> None:
    assert shop.patch("/licenses/bulk_update/", body).status == 400


def test_a_misspelled_field_of_a_change_is_named_with_the_right_one(shop: Shop) -> None:
    reply = shop.patch("/licenses/bulk_update/", [{"id": 1, "max_activation": 3}])

    assert "did you mean max_activations" in reply.json()["message"]


@pytest.mark.parametrize("wrapped", [lambda ids: ids, lambda ids: {"license_ids": ids}])
def test_several_licenses_are_disabled(shop: Shop, wrapped: Callable[[Any], Any]) -> None:
    ids = [shop.order_one()["id"] for _ in range(3)]

    first = shop.post("/licenses/disable_bulk/", wrapped(ids))
    second = shop.post("/licenses/disable_bulk/", wrapped(ids))

    assert [lic["status"] for lic in first.json()] == ["Disabled"] * 3
    assert second.json() == first.json()


def test_several_licenses_are_disabled_all_or_none(shop: Shop) -> None:
    id = shop.order_one()["id"]

    missing = shop.post("/licenses/disable_bulk/", [id, 1])
    twice = shop.post("/licenses/disable_bulk/", {"license_ids": [id, id]})
    faulty = shop.post("/licenses/disable_bulk/", {"license_ids": [id, "x"]})

    assert (missing.status, fault_codes(missing.json())) == (404, {"/1": "license_not_found"})
    assert fault_codes(twice.json()) == {"/license_ids/1": "license_repeated"}
    assert [*fault_codes(faulty.json())] == ["/license_ids/1"]
    assert shop.get(f"/licenses/{id}/").json()["enabled"]


def test_a_change_that_makes_a_license_too_large_is_refused(shop: Shop) -> None:
    lic = shop.order_one()
    codes = [f"h{n}" for n in range(26)]
    for code in codes:
        shop.make("/product-features/", product="kp", code=code, name=code)

    heavy = {"text": "x" * 15_900}
    large = {"product_features": [{"code": code, "metadata": heavy} for code in codes]}
    one = shop.patch(f"/licenses/{lic['id']}/", large)
    bulk = shop.patch("/licenses/bulk_update/", [{"id": lic["id"], **large}])
    policy = shop.post(f"/licenses/{lic['id']}/apply_policy/", {"policy_code": "policy_A", **large})

    entries = [{"product_feature": code, "metadata": heavy} for code in codes]
    path = f"/licenses/{lic['id']}/update_features/"
    features = shop.post(path, {"product_features": entries})

    replies = (one, bulk, policy, features)
    assert {each.json()["code"] for each in replies} == {"record_too_large"}
    assert shown(shop, lic) == lic


def test_a_license_of_the_largest_size_can_be_disabled(shop: Shop) -> None:
    codes = [f"h{n}" for n in range(25)]
    for code in codes:
        shop.make("/product-features/", product="kp", code=code, name=code)
    features = [{"code": code, "metadata": {"text": "x" * 15_000}} for code in codes]
    lic = shop.order_one("kp", {"product_features": features})
    free = dynamo.ITEM_BYTES - dynamo.size_of(
        dynamo.put(
            "LICENSES_TABLE",
            dynamo.client().get_item(
                TableName=dynamo.table("LICENSES_TABLE"),
                Key=dynamo.key_of((dynamo.partition(shop.company, lic["id"]),)),
            )["Item"],
        )
    )
    changed(shop, lic, metadata={"text": "x" * (free - 250)})

    assert shop.post(f"/licenses/{lic['id']}/disable/").json()["status"] == "Disabled"


def test_licenses_that_are_too_large_together_are_refused(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_licenses, "BYTES", 1000)
    ids = [shop.order_one()["id"] for _ in range(3)]

    reply = shop.patch("/licenses/bulk_update/", [{"id": id, "note": "x"} for id in ids])
    disabled = shop.post("/licenses/disable_bulk/", ids)

    assert disabled.json()["code"] == "record_too_large"
    assert (reply.json()["code"], "together" in reply.json()["message"]) == (
        "record_too_large",
        True,
    )


@pytest.mark.parametrize("path", ["apply_policy/", ""])
def test_a_license_that_is_not_there_is_not_changed(shop: Shop, path: str) -> None:
    method = "POST" if path else "PATCH"
    reply = shop.send(method, f"/licenses/1000000000000001/{path}", body={"policy_code": "default"})

    assert (reply.status, reply.json()["code"]) == (404, "license_not_found")


def test_a_license_of_another_company_is_not_changed(shop: Shop, other_shop: Shop) -> None:
    lic = shop.order_one()

    one = other_shop.patch(f"/licenses/{lic['id']}/", {"note": "x"})
    bulk = other_shop.post("/licenses/disable_bulk/", [lic["id"]])

    assert (one.status, bulk.status) == (404, 404)
    assert shown(shop, lic) == lic


def test_the_license_of_a_bundle_needs_no_end_of_its_own(shop: Shop) -> None:
    members = [
        {"product_code": "p1", "policy_code": "std"},
        {"product_code": "p2", "policy_code": "pro"},
    ]
    order = shop.order(is_bundle=True, items=[{"product_code": "bnd", "licenses": members}]).json()
    bundle, *others = order["order_items"][0]["licenses"]

    assert changed(shop, bundle, max_activations=4)["max_activations"] == 4
    assert [shown(shop, lic) for lic in others] == others


def test_a_change_keeps_other_stored_attributes(shop: Shop) -> None:
    """A license of an order in several transactions stays visible by its order."""
    order = shop.order(items=[{"product_code": "kp", "licenses": [{}] * 120}]).json()
    id = order["order_licenses"][0]["id"]
    before = get_license(shop.company, id)
    assert isinstance(before, License)
    assert before.unsettled

    changed(shop, {"id": id}, note="x")

    after = get_license(shop.company, id)
    assert after == before.model_copy(
        update={"note": "x", "updated_at": after and after.updated_at}
    )
    item = dynamo.get("LICENSES_TABLE", (dynamo.partition(shop.company, id),))
    assert "max_activations" not in (item or {"max_activations": 1})


@pytest.fixture(autouse=True)
def single_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row of a file is a batch."""
    monkeypatch.setattr(import_chunk, "BATCH_ROWS", 1)


def test_an_import_of_features_never_repeats_the_lock_of_a_license(files: Files) -> None:
    lic = files.shop.order_one("kp", {"key": "K-1"})

    with tapped() as tap:
        job = files.imported("license_key,code\nK-1,f1\nK-1,f2\n", "license-features")

    updates = [
        write["Update"]["ExpressionAttributeValues"][":now"]["S"]
        for body in tap.bodies("TransactWriteItems")
        for write in body["TransactItems"]
        if ":after" in write.get("Update", {}).get("ExpressionAttributeValues", {})
    ]
    assert job.state == "succeeded"
    assert len({lic["updated_at"], *updates}) == 3
    assert updates == sorted(updates)


def test_a_change_during_an_import_of_features_keeps_both(files: Files) -> None:
    lic = files.shop.order_one("kp", {"key": "K-1"})
    text = "license_key,code\nK-1,f1\nK-1,f2\n"

    with tapped("TransactWriteItems", meanwhile(lambda: files.imported(text, "license-features"))):
        after = changed(files.shop, lic, max_activations=9)

    assert after["max_activations"] == 9
    assert [each["product_feature"]["code"] for each in after["product_features"]] == ["f1", "f2"]


def test_features_are_not_written_over_a_change_that_the_import_has_not_seen(files: Files) -> None:
    """Or the lock would go back to a value that another writer may have read."""
    lic = files.shop.order_one("kp", {"key": "K-1"})
    seen = []

    def change() -> None:
        seen.append(changed(files.shop, lic, note="theirs"))

    with tapped() as tap:
        tap.on("BatchGetItem", meanwhile(lambda: tap.on("TransactWriteItems", meanwhile(change))))
        job = files.imported("license_key,code\nK-1,f1\n", "license-features")

    after = shown(files.shop, lic)
    assert (job.state, after["note"]) == ("succeeded", "theirs")
    assert [each["product_feature"]["code"] for each in after["product_features"]] == ["f1"]
    assert after["updated_at"] > seen[0]["updated_at"]


def test_a_license_that_was_changed_meanwhile_is_not_overwritten(shop: Shop) -> None:
    lic = shop.order_one("kp", {"max_activations": 3, "note": "first"})
    other = changed(shop, lic, max_activations=5)
    seen = {"updated_at": lic["updated_at"]}

    patch = {"max_activations": 7, "note": "first", "metadata": {"a": 1}, **seen}
    reply = shop.patch(f"/licenses/{lic['id']}/", patch)
    applied = shop.post(f"/licenses/{lic['id']}/apply_policy/", {"policy_code": "policy_A", **seen})

    problem = reply.json()
    assert (reply.status, problem["code"]) == (409, "changed_meanwhile")
    assert fault_codes(problem) == {
        "/updated_at": "changed_meanwhile",
        "/max_activations": "changed_meanwhile",
        "/metadata": "changed_meanwhile",
    }
    messages = {fault["field"]: fault["message"] for fault in problem["errors"]}
    assert messages["max_activations"] == "max_activations is 5 now"
    assert messages["metadata"] == "metadata has no value now"
    assert other["updated_at"] in messages["updated_at"]
    assert (applied.status, applied.json()["code"]) == (409, "changed_meanwhile")
    assert shown(shop, lic) == other


def test_a_license_is_changed_by_who_has_read_its_last_version(shop: Shop) -> None:
    lic = shop.order_one("kp")

    first = changed(shop, lic, max_activations=7, updated_at=lic["updated_at"])
    second = changed(shop, lic, note="x", updated_at=first["updated_at"])

    assert (second["max_activations"], second["note"]) == (7, "x")


def test_a_change_that_was_applied_already_needs_no_last_version(shop: Shop) -> None:
    lic = shop.order_one("kp", {"max_activations": 3})
    patch = {"max_activations": 7, "updated_at": lic["updated_at"]}
    after = changed(shop, lic, **patch)

    assert changed(shop, lic, **patch) == after


def test_a_change_at_the_same_time_is_not_overwritten(shop: Shop) -> None:
    lic = shop.order_one("kp", {"max_activations": 3})

    with tapped("TransactWriteItems", meanwhile(lambda: changed(shop, lic, max_activations=5))):
        reply = shop.patch(
            f"/licenses/{lic['id']}/", {"max_activations": 7, "updated_at": lic["updated_at"]}
        )

    assert (reply.status, reply.json()["code"]) == (409, "changed_meanwhile")
    assert shown(shop, lic)["max_activations"] == 5


@pytest.mark.parametrize("unset", [None, "", "0001-01-01T00:00:00Z"])
def test_an_unset_updated_at_is_no_precondition(shop: Shop, unset: str | None) -> None:
    lic = shop.order_one("kp")

    assert changed(shop, lic, note="x", updated_at=unset)["note"] == "x"


def test_an_updated_at_that_is_no_time_is_refused(shop: Shop) -> None:
    lic = shop.order_one("kp")

    reply = shop.patch(f"/licenses/{lic['id']}/", {"note": "x", "updated_at": "yesterday"})

    assert (reply.status, list(fault_codes(reply.json()))) == (400, ["/updated_at"])


def test_of_several_licenses_each_that_was_changed_meanwhile_is_named(shop: Shop) -> None:
    licenses = [shop.order_one("kp", {"max_activations": 3}) for _ in range(3)]
    for lic in licenses[1:]:
        changed(shop, lic, note="other")

    patches = [
        {"id": lic["id"], "max_activations": 7, "updated_at": lic["updated_at"]} for lic in licenses
    ]
    problem = shop.patch("/licenses/bulk_update/", patches).refused(409)

    assert set(fault_codes(problem)) == {
        "/1/updated_at",
        "/1/max_activations",
        "/2/updated_at",
        "/2/max_activations",
    }
    assert shown(shop, licenses[0]) == licenses[0]


def test_the_features_of_a_license_are_replaced(shop: Shop) -> None:
    credits = {"code": "credits", "max_consumption": 25, "total_consumptions": 7}
    lic = shop.order_one("kp", {"product_features": ["f1", credits]})
    path = f"/licenses/{lic['id']}/update_features/"
    ids = {
        feature["code"]: feature["id"]
        for feature in shop.get("/product-features/", "product=kp").json()["results"]
    }

    entries = [{"product_feature": str(ids["credits"]), "total_consumptions": 0}]
    replies = [
        shop.post(path, {"product_features": [*entries, {"product_feature": "f2"}]})
        for _ in range(2)
    ]

    first, again = (reply.json() for reply in replies)
    assert first == again == shop.get(f"/licenses/{lic['id']}/").json()
    features = {each["product_feature"]["code"]: each for each in first["product_features"]}
    assert features.keys() == {"credits", "f2"}
    credits = features["credits"]
    assert (credits["max_consumption"], credits["total_consumptions"]) == (25, 0)


def test_features_that_can_not_be_on_a_license_are_refused(shop: Shop) -> None:
    lic = shop.order_one("kp", {"product_features": ["f1"]})
    path = f"/licenses/{lic['id']}/update_features/"

    def refused(*names: Any, path: str = path, **more: Any) -> Any:
        entries = [{"product_feature": name} for name in names]
        return shop.post(path, {"product_features": entries, **more})

    unknown, twice = refused("f1", "nope"), refused("f1", "f1")
    late = refused("f2", updated_at="2020-01-01T00:00:00Z")
    missing = refused("f1", path="/licenses/1000000000000001/update_features/")

    assert fault_codes(unknown.json()) == {"/product_features/1": "unsupported_product_feature"}
    assert fault_codes(twice.json()) == {"/product_features/1": "feature_repeated"}
    assert {*fault_codes(late.json())} == {"/updated_at", "/product_features"}
    assert (missing.status, missing.json()["code"]) == (404, "license_not_found")
    assert shop.get(f"/licenses/{lic['id']}/").json() == lic
