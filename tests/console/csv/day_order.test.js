import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFile } from "../../../functions/console/static/csv/file_check.js";
import { validateCell } from "../../../functions/console/static/csv/rules.js";
import { rules } from "./rules_file.js";

const HEADER = "license__license_key,product__short_code,license__validity_period";
const check = (days, dates) => {
  const rows = days.map((day, at) => `K-${at},kp,${day}`);
  const file = new Blob([[HEADER, ...rows, ""].join("\n")]);
  return checkFile({ file, kind: "licenses", encoding: "", dates }, rules);
};
const codeOf = (cell, dates) =>
  validateCell("license__validity_period", cell, { ...rules.kinds.licenses, dates })?.code ?? null;

for (const [dates, valid, invalid] of [
  [
    "dmy",
    ["31.12.2027", " 1/2/2027 ", "2027-12-31", "29.02.2028 0:00"],
    ["12/31/2027", "31.12.27"],
  ],
  ["mdy", ["12/31/2027", "12/31/2027 11:59 PM", "2027-12-31"], ["31.12.2027", "13/13/2027"]],
  ["iso", ["2027-12-31"], ["31.12.2027", "01.02.2027"]],
])
  test(`dates are read with dates=${dates}`, () => {
    for (const cell of valid) assert.equal(codeOf(cell, dates), null, cell);
    for (const cell of invalid) assert.equal(codeOf(cell, dates), "invalid_value", cell);
  });

test("a file suggests the only order that all of its dates fit", async () => {
  const german = await check(["01.02.2027", "31.12.2027", ""]);
  const either = await check(["01.02.2027"]);
  const iso = await check(["2027-12-31"]);

  assert.deepEqual(german.dates, { suggested: "dmy", example: "31.12.2027" });
  assert.deepEqual(either.dates, { suggested: null, example: "01.02.2027" });
  assert.deepEqual(iso.dates, { suggested: null, example: null });
  assert.equal(german.faulty, 2);
});

test("with the suggested order the file has no errors", async () => {
  const { faulty, rows } = await check(["01.02.2027", "31.12.2027", ""], "dmy");

  assert.deepEqual([rows, faulty], [3, 0]);
});
