"""The tour of the Postman collection: place an order, retry it, import a file, read the result.

Each step is an operation of the API with its own body, and JavaScript that Postman runs before and
after it. The tour is repeatable: it accepts records that already exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_ORDER = {
    "id": "{{order_id}}",
    "customer": {"email": "ana@acme.example", "company_name": "Acme"},
    "items": [{"product_code": "sketch", "licenses": [{"policy_code": "studio"}]}],
}


@dataclass(frozen=True, kw_only=True)
class Step:
    name: str
    operation: str
    after: str
    before: str = ""
    body: Any = None
    """The request body; None for the example of the OpenAPI document."""
    ids: Mapping[str, str] = field(default_factory=dict)


TOUR = (
    Step(
        name="Create a product",
        operation="create_product",
        after='pm.test("it exists", () => pm.expect(pm.response.code).to.be.oneOf([201, 409]));',
    ),
    Step(
        name="Create a license policy of the product",
        operation="create_policy",
        after='pm.test("it exists", () => pm.expect(pm.response.code).to.be.oneOf([201, 409]));',
    ),
    Step(
        name="Place an order",
        operation="create_order",
        body=_ORDER,
        before='pm.collectionVariables.set("order_id", `tour-${Date.now()}`);',
        after="""
pm.test("a license is issued", () => {
  pm.response.to.have.status(200);
  pm.response.to.not.have.header("Idempotent-Replayed");
  const keys = pm.response.json().license_keys;
  pm.expect(keys).to.have.lengthOf(1);
  pm.collectionVariables.set("license_key", keys[0]);
  pm.collectionVariables.set("order", pm.response.json().id);
});""",
    ),
    Step(
        name="Retry the same order",
        operation="create_order",
        body=_ORDER,
        after="""
pm.test("the response is replayed", () => {
  pm.response.to.have.status(200);
  pm.response.to.have.header("Idempotent-Replayed", "true");
  pm.expect(pm.response.json().license_keys).to.eql([pm.collectionVariables.get("license_key")]);
});""",
    ),
    Step(
        name="Change the order without changing its id",
        operation="create_order",
        body={**_ORDER, "language": "es"},
        after="""
pm.test("a different body is rejected with the fields that differ", () => {
  pm.response.to.have.status(409);
  const problem = pm.response.json();
  pm.expect(problem.code).to.eql("order_id_exists");
  pm.expect(problem.errors.map((fault) => fault.field)).to.include("language");
});""",
    ),
    Step(
        name="Get the order",
        operation="show_order",
        ids={"id": "{{order}}"},
        after="""
pm.test("the order has its license", () => {
  const [item] = pm.response.json().order_items;
  pm.expect(item.licenses[0].license_key).to.eql(pm.collectionVariables.get("license_key"));
});""",
    ),
    Step(
        name="Import licenses from a file",
        operation="import_licenses",
        after="""
pm.test("the import has a number", () => {
  pm.response.to.have.status(200);
  pm.collectionVariables.set("job_id", pm.response.json().job_id);
  pm.collectionVariables.set("polls", 0);
});""",
    ),
    Step(
        name="Wait until the import has finished",
        operation="show_import",
        ids={"id": "{{job_id}}"},
        after="""
pm.test("the import can be read", () => pm.response.to.have.status(200));
const polls = Number(pm.collectionVariables.get("polls")) + 1;
pm.collectionVariables.set("polls", polls);
if (["pending", "running"].includes(pm.response.json().status)) {
  pm.test("it takes less than a minute", () => pm.expect(polls).to.be.below(120));
  pm.execution.setNextRequest(polls < 120 ? pm.info.requestId : null);
  setTimeout(() => {}, 500);
}""",
    ),
    Step(
        name="Get the result of the import",
        operation="show_license_import",
        ids={"id": "{{job_id}}"},
        after="""
pm.test("all rows are valid", () => {
  const { status, result } = pm.response.json();
  pm.expect(status).to.eql("success");
  pm.expect(result.invalid_rows).to.eql([]);
  pm.expect(result.valid_row_count).to.eql(result.total_row_count);
  pm.expect(result.created_licenses_count + result.existed_licenses_count).to.eql(1);
});""",
    ),
)
