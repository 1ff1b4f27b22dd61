"""The tour of the Postman collection: sell something, sell it again, import, read the result.

Each step is an operation of the API with a body of its own, and JavaScript that Postman runs before
and after it. It can be run again on the same stack: what is there already is accepted.
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
    """The OpenAPI document's example where this is None."""
    ids: Mapping[str, str] = field(default_factory=dict)


TOUR = (
    Step(
        name="Make a product, unless it is there",
        operation="create_product",
        after='pm.test("it is there", () => pm.expect(pm.response.code).to.be.oneOf([201, 409]));',
    ),
    Step(
        name="Add a license policy to it",
        operation="create_policy",
        after='pm.test("it is there", () => pm.expect(pm.response.code).to.be.oneOf([201, 409]));',
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
        name="Send the same order again",
        operation="create_order",
        body=_ORDER,
        after="""
pm.test("the first answer comes back", () => {
  pm.response.to.have.status(200);
  pm.response.to.have.header("Idempotent-Replayed", "true");
  pm.expect(pm.response.json().license_keys).to.eql([pm.collectionVariables.get("license_key")]);
});""",
    ),
    Step(
        name="Change it under the same id",
        operation="create_order",
        body={**_ORDER, "language": "es"},
        after="""
pm.test("another body is refused, and the difference named", () => {
  pm.response.to.have.status(409);
  const problem = pm.response.json();
  pm.expect(problem.code).to.eql("order_id_exists");
  pm.expect(problem.errors.map((fault) => fault.field)).to.include("language");
});""",
    ),
    Step(
        name="Show the order",
        operation="show_order",
        ids={"id": "{{order}}"},
        after="""
pm.test("it has its license", () => {
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
  pm.collectionVariables.set("asked", 0);
});""",
    ),
    Step(
        name="Wait until it has ended",
        operation="show_import",
        ids={"id": "{{job_id}}"},
        after="""
pm.test("it can be watched", () => pm.response.to.have.status(200));
const asked = Number(pm.collectionVariables.get("asked")) + 1;
pm.collectionVariables.set("asked", asked);
if (["pending", "running"].includes(pm.response.json().status)) {
  pm.test("it takes less than a minute", () => pm.expect(asked).to.be.below(120));
  pm.execution.setNextRequest(asked < 120 ? pm.info.requestId : null);
  setTimeout(() => {}, 500);
}""",
    ),
    Step(
        name="Read its result",
        operation="show_license_import",
        ids={"id": "{{job_id}}"},
        after="""
pm.test("every row was valid", () => {
  const { status, result } = pm.response.json();
  pm.expect(status).to.eql("success");
  pm.expect(result.invalid_rows).to.eql([]);
  pm.expect(result.valid_row_count).to.eql(result.total_row_count);
  pm.expect(result.created_licenses_count + result.existed_licenses_count).to.eql(1);
});""",
    ),
)
