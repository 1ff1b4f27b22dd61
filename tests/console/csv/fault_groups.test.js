// Groups of errors, and the values that were probably meant.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createGroups, suggestValue } from "../../../functions/console/static/csv/fault_groups.js";

const fault = (column, code, value) => ({ column, code, message: `${code} ${value}`, value });

test("errors are grouped by column and code, with the most frequent first", () => {
  const groups = createGroups();
  groups.feed([fault("email", "invalid_value", "x")]);
  for (const value of ["brush", "skecth", "skecth"])
    groups.feed([fault("product", "unknown_product", value), fault("email", "required", null)]);
  groups.feed([fault("", "extra_fields", null)]);

  const found = groups
    .list()
    .map(({ column, code, rows, values }) => [
      column,
      code,
      rows,
      values.map(({ value, count }) => `${count} ${value}`),
    ]);

  assert.deepEqual(found, [
    ["product", "unknown_product", 3, ["2 skecth", "1 brush"]],
    ["email", "required", 3, ["3 "]],
    ["email", "invalid_value", 1, ["1 x"]],
    ["", "extra_fields", 1, ["1 "]],
  ]);
});

test("many values and groups take bounded memory", () => {
  const groups = createGroups();
  for (let n = 0; n < 1000; n += 1) groups.feed([fault("a", "b", n), fault(`c${n}`, "b", n)]);

  const found = groups.list();

  assert.equal(found.length, 100);
  assert.deepEqual([found[0].rows, found[0].values.length], [1000, 20]);
});

const CHOICES = "must be one of 'perpetual', 'time-limited', 'subscription' or 'consumption'";
for (const [value, message, more, meant] of [
  ["skecth", "there is no product skecth", ["sketch", "studio"], "sketch"],
  ["SKETCH", "there is no product SKETCH", ["sketch"], "sketch"],
  ["perpetua", CHOICES, [], "perpetual"],
  ["Time limited", CHOICES, [], "time-limited"],
  ["foo", CHOICES, [], ""],
  ["kp", "there is no product kp", ["kq", "kr"], ""],
  ["sketch3", "there is no product sketch3", ["sketch1", "sketch2"], ""],
  ["", "must not be blank", ["sketch"], ""],
])
  test(`${value || "a blank cell"} probably means ${meant || "nothing known"}`, () => {
    assert.equal(suggestValue(value, message, more), meant);
  });
