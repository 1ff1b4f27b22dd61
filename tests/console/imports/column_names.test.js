import assert from "node:assert/strict";
import { test } from "node:test";
import { labelColumn } from "../../../functions/console/static/imports/column_names.js";
import { rules } from "../csv/rules_file.js";

test("every column has a label of its own, in words", () => {
  for (const { columns } of Object.values(rules.kinds)) {
    const labels = Object.keys(columns).map(labelColumn);

    assert.equal(new Set(labels).size, labels.length);
    for (const label of labels) assert.match(label ?? "", /^[A-Z][\w .()/-]+$/);
    assert.deepEqual(
      labels.filter((label) => label?.includes("_")),
      [],
    );
  }
});

test("terms are named as in the console's forms", () => {
  assert.equal(labelColumn("license__valid_duration"), "Valid for");
  assert.equal(labelColumn("license__max_activations"), "Activations");
  assert.equal(labelColumn("allow_overages"), "Allow overages");
  assert.equal(labelColumn("order__created_at"), "Order placed at");
});

test("a column of another name is the file's own", () => {
  for (const name of ["Gültig bis", "note2", "", "__", "shop__key", "constructor", "Email"])
    assert.equal(labelColumn(name), null);
});

test("a column of a custom field names the field", () => {
  assert.equal(labelColumn("license__custom__Seat count"), "Custom field Seat count");
});
