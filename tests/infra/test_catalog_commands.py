"""`keywright catalog`, as an operator runs it."""

import copy
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from infra.local.demo import CATALOG
from tests.functions.shop import Shop, open_shop
from tests.infra.served import Keywright, Served

PRODUCTS: dict[str, Any] = {
    "sketch": {
        "product_name": "Sketch",
        "features": {
            "pdf": {"name": "PDF export"},
            "runs": {"name": "Runs", "feature_type": "consumption"},
        },
        "policies": {
            "default": {"max_activations": 3},
            "studio": {
                "name": "Studio",
                "default_license_type": "time-limited",
                "valid_duration": "1y",
                "license_product_feature_templates": [
                    {"product_feature": "pdf", "expiry_date": "2030-01-31"},
                    {"product_feature": "runs", "max_consumption": 5},
                ],
            },
        },
    },
    "brushes": {"product_name": "Brushes", "default_license_type": "perpetual"},
    "all": {
        "product_name": "All",
        "is_bundle": True,
        "bundle_products": ["sketch", "brushes"],
    },
}


@pytest.fixture
def shop(tables: None) -> Shop:
    """The company acme, with nothing to sell yet."""
    return open_shop("acme")


type Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a catalog, the sample with changes by `product.policies.code.field`."""

    def written(**changes: Any) -> Path:
        products = copy.deepcopy(PRODUCTS)
        for place, value in changes.items():
            *way, last = place.split("__")
            fields = products
            for step in way:
                fields = fields[step]
            fields[last] = value
        path = tmp_path / "catalog.yaml"
        YAML().dump({"products": products}, path)
        return path

    return written


def apply(keywright: Keywright, path: Path) -> None:
    keywright.run_json("catalog", "apply", path, "--yes")


def test_a_catalog_is_made_and_then_is_as_the_file_says(keywright: Keywright, write: Write) -> None:
    path = write()
    before = keywright.run_json("catalog", "diff", path, status=1)

    apply(keywright, path)

    assert {change["action"] for change in before["changes"]} == {"create"}
    assert len(before["changes"]) == 7
    assert keywright.run_json("catalog", "diff", path)["changes"] == []
    assert "matches the file" in keywright.run("catalog", "diff", path)


def test_the_sample_catalog_is_applied_as_it_is_written(keywright: Keywright) -> None:
    apply(keywright, CATALOG)

    assert keywright.run_json("catalog", "diff", CATALOG)["changes"] == []


def test_a_difference_is_shown_before_it_is_made(
    keywright: Keywright, shop: Shop, write: Write
) -> None:
    apply(keywright, write())
    path = write(sketch__policies__studio__valid_duration="2y", sketch__max_activations=9)

    printed = keywright.run_json("catalog", "diff", path, status=1)
    shown = keywright.run("catalog", "apply", path, "--yes")

    assert [(each["kind"], each["fields"]) for each in printed["changes"]] == [
        ("product", {"max_activations": {"was": None, "is": 9}}),
        ("policy", {"valid_duration": {"was": "1y", "is": "2y"}}),
    ]
    assert 'valid_duration: "1y" → "2y"' in shown
    assert (
        shop.get("/license-templates/", "code=studio").json()["results"][0]["valid_duration"]
        == "2y"
    )


def test_a_policy_gets_the_features_that_the_file_gives_it(
    keywright: Keywright, write: Write
) -> None:
    apply(keywright, write())
    one = [{"product_feature": "pdf"}]
    path = write(sketch__policies__studio__license_product_feature_templates=one)

    (change,) = keywright.run_json("catalog", "diff", path, status=1)["changes"]
    apply(keywright, path)

    (fields,) = change["fields"].values()
    assert (
        fields["was"]
        == PRODUCTS["sketch"]["policies"]["studio"]["license_product_feature_templates"]
    )
    assert fields["is"] == one
    assert keywright.run_json("catalog", "diff", path)["changes"] == []


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (
            "sketch__authorization_method",
            "user",
            "product sketch: authorization_method can't change",
        ),
        ("sketch__features__pdf__feature_type", "consumption", "feature pdf of sketch: feature"),
        ("brushes__is_bundle", True, "product brushes: is_bundle can't change from False"),
    ],
)
def test_what_orders_depend_on_is_refused_and_nothing_is_changed(
    keywright: Keywright, served: Served, write: Write, place: str, value: Any, message: str
) -> None:
    apply(keywright, write())
    path = write(**{place: value}, all__product_name="Everything")
    if place == "brushes__is_bundle":
        path = write(**{place: value, "brushes__bundle_products": ["sketch"]})
    served.requests.clear()

    shown = keywright.run("catalog", "apply", path, "--yes", status=2)

    assert message in shown
    assert {path.partition(" ")[0] for path in served.paths()} == {"GET"}


def test_what_the_file_does_not_name_stays(keywright: Keywright, shop: Shop, write: Write) -> None:
    apply(keywright, write())
    shop.make("/products/", product_name="Old", short_code="old")

    printed = keywright.run_json("catalog", "diff", write())

    assert printed["changes"] == []
    assert printed["not_in_file"] == ["product old"]


def test_what_is_missing_is_archived_if_it_was_never_ordered(
    keywright: Keywright, shop: Shop, write: Write
) -> None:
    apply(keywright, write())
    for code in ("old", "sold"):
        shop.make(
            "/products/", product_name=code, short_code=code, default_license_type="perpetual"
        )
    path = write()
    keywright.run_json("catalog", "apply", path, "--archive-missing", "--yes")
    archived = shop.get("/products/", "is_archived=true").json()["results"]
    shop.make("/products/", product_name="new", short_code="new", default_license_type="perpetual")
    shop.order(items=[{"product_code": "new", "licenses": [{}]}])

    shown = keywright.run("catalog", "apply", path, "--archive-missing", "--yes", status=2)

    assert {product["short_code"] for product in archived} == {"old", "sold"}
    assert "product new: new has 1 licenses. To archive it" in shown


def test_nothing_is_changed_where_no_person_can_confirm(
    keywright: Keywright, served: Served, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = keywright.run("catalog", "apply", write(), status=2)

    assert "add --yes" in shown
    assert {path.partition(" ")[0] for path in served.paths()} == {"GET"}


@pytest.mark.parametrize(("answer", "status", "left"), [("y", 0, 0), ("", 2, 7)])
def test_a_person_has_to_confirm(
    keywright: Keywright,
    write: Write,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    status: int,
    left: int,
) -> None:
    path = write()
    terminal = io.StringIO(f"{answer}\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)

    shown = keywright.run("catalog", "apply", path, status=status)

    assert "Apply 7 changes? [y/N] " in shown
    printed = keywright.run_json("catalog", "diff", path, status=1 if left else 0)
    assert len(printed["changes"]) == left


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("products: {sketch: {product_nam: Sketch}}", "products.sketch.product_nam: "),
        (
            "products: {sketch: {product_name: S, policies: {a: {}}}}",
            "products.sketch.policies.a.name",
        ),
        ("products: {sketch: {product_name: S}, sketch: {product_name: T}}", "duplicate key"),
        ("products: [sketch]", "products: must be a mapping"),
        ("[", "is not valid YAML"),
        ("", "file: must be a mapping"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_with_the_place(
    keywright: Keywright, served: Served, tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "catalog.yaml"
    path.write_text(text)

    shown = keywright.run("catalog", "apply", path, "--yes", status=2)

    assert message in shown
    assert served.paths() == []


def test_codes_may_look_like_anything_else_in_yaml(keywright: Keywright, tmp_path: Path) -> None:
    path = tmp_path / "catalog.yaml"
    path.write_text("products: {no: {product_name: Norway}, 2024: {product_name: A year}}")

    apply(keywright, path)

    assert keywright.run_json("catalog", "diff", path)["changes"] == []
    assert keywright.run_json("catalog", "diff", path)["not_in_file"] == []
