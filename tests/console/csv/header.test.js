import assert from "node:assert/strict";
import { test } from "node:test";
import {
  findSimilarColumns,
  matchColumns,
  suggestColumns,
} from "../../../functions/console/static/csv/header.js";
import { rules } from "./rules_file.js";

const KNOWN = Object.keys(rules.kinds.customers.columns);
const match = (columns) => matchColumns(columns, KNOWN, rules.format);
const similarTo = (...columns) =>
  findSimilarColumns(columns, match(columns), KNOWN, rules).flatMap(({ similar }) => similar);

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

for (const [header, column] of [
  ["Vorname", "first_name"],
  ["pre\u0301nom", "first_name"],
  ["Código  Postal", "postcode"],
])
  test(`${header} is a synonym of ${column}`, () => {
    assert.deepEqual(similarTo(header), [column]);
  });

test("a mapping comes before the names of columns, and leaves headers out", () => {
  const mapped = new Map([
    ["mail", "email"],
    ["phone", ""],
  ]);

  const names = matchColumns(["Mail", "Phone", "_row"], KNOWN, rules.format, mapped);

  assert.deepEqual(names, ["email", "", "_row"]);
  assert.deepEqual(findSimilarColumns(["Mail", "Phone"], names, KNOWN, rules), []);
});

test("the first of several similar headers gets the suggestion", () => {
  const found = [
    { column: "Mail", similar: ["email"] },
    { column: "E-Mail 2", similar: ["email"] },
    { column: "Trial", similar: ["a", "b"] },
  ];

  assert.deepEqual(suggestColumns(found), { Mail: "email" });
});
