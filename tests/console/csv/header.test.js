import assert from "node:assert/strict";
import { test } from "node:test";
import { findSimilarColumns, matchColumns } from "../../../functions/console/static/csv/header.js";
import { rules } from "./rules_file.js";

const KNOWN = Object.keys(rules.kinds.customers.columns);
const match = (columns) => matchColumns(columns, KNOWN, rules.format);
const similarTo = (...columns) =>
  findSimilarColumns(columns, match(columns), KNOWN, rules.format).flatMap(
    ({ similar }) => similar,
  );

test("an unknown header is kept in lower case", () => {
  assert.deepEqual(match(["Shoe Size"]), ["shoe size"]);
});

test("hyphens, underscores, case and invisible characters do not matter", () => {
  for (const header of ["FirstName", "first-name", "first\u00adname", " FIRST_name "])
    assert.deepEqual(match([header]), ["first_name"], header);
});

for (const [what, header] of [
  ["a missing letter", "frst_name"],
  ["an added letter", "firstt_name"],
  ["a changed letter", "firsd_name"],
  ["two swapped letters", "frist_name"],
  ["one more word", "First Name Value"],
])
  test(`${what} is similar`, () => {
    assert.deepEqual(similarTo(header), ["first_name"]);
  });

test("two changed letters are not similar", () => {
  assert.deepEqual(similarTo("fursd_name"), []);
});

test("a short name is not a misspelled one", () => {
  assert.deepEqual(similarTo("citi"), []);
});

test("a column that the file has is not suggested", () => {
  assert.deepEqual(similarTo("first_name", "frist_name"), []);
});
