"""Products, and the policies and features that their records contain."""

from datetime import timedelta

from tests.shared.value_shop import NOW, ValueShop


def test_every_product_has_one_default_policy() -> None:
    for product in ValueShop().products.values():
        assert [policy for policy in product.policies if policy.is_default] == [
            product.default_policy
        ]


def test_policies_and_features_are_found_by_their_code() -> None:
    product = ValueShop().products["kp"]

    policy, feature = product.policy("policy_A"), product.feature("f1")

    assert policy is not None
    assert feature is not None
    assert (policy.code, feature.code) == ("policy_A", "f1")
    assert (product.policy("f1"), product.feature("policy_A")) == (None, None)


def test_a_change_counts_the_revision_and_keeps_the_rest() -> None:
    product = ValueShop().products["kp"]
    later = NOW + timedelta(hours=1)

    changed = product.changed(later, product_name="Renamed")

    assert (changed.revision, changed.updated_at) == (product.revision + 1, later)
    assert changed.product_name == "Renamed"
    unchanged = {"revision", "updated_at", "product_name"}
    assert changed.model_dump(exclude=unchanged) == product.model_dump(exclude=unchanged)
