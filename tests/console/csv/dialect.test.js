import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeFile, detectDialect } from "../../../functions/console/static/csv/dialect.js";
import { catchError, rules } from "./rules_file.js";

const KEY = "license__license_key,product__short_code";
const detect = (text, kind = "licenses") => detectDialect(text, rules.kinds[kind], rules);
const refusal = (text, kind) => catchError(() => detect(text, kind));
const decodeText = (text, cut = false) =>
  decodeFile(new TextEncoder().encode(text), "", rules, cut).text;

for (const delimiter of rules.delimiters)
  test(`the delimiter ${JSON.stringify(delimiter)} is detected`, () => {
    assert.equal(detect(`${KEY.replace(",", delimiter)}\n`).delimiter, delimiter);
  });

test("of several delimiters, the one with the most known columns is taken", () => {
  assert.equal(detect("email;a,b,c,d\nx\n", "customers").delimiter, ";");
});

test("a sep line decides the delimiter and is no header", () => {
  const { delimiter, line, start } = detect(`sep=;\n${KEY.replace(",", ";")}\na;b\n`);

  assert.equal(delimiter, ";");
  assert.equal(line, 3);
  assert.equal(start, `sep=;\n${KEY}\n`.length);
});

test("a sep line with another character is refused", () => {
  assert.equal(refusal(`sep=:\n${KEY}\n`).code, "unsupported_delimiter");
});

test("blank lines before the header are skipped and counted", () => {
  assert.equal(detect(`\n,,\n${KEY}\na,b\n`).line, 4);
});

test("headers are matched without case, spaces and invisible characters", () => {
  const { columns, names } = detect(" LICENSE License-Key ,\u200bproduct short code,Other\n");

  assert.deepEqual(columns, ["LICENSE License-Key", "product short code", "Other"]);
  assert.deepEqual(names, ["license__license_key", "product__short_code", "other"]);
});

test("the apostrophe of an escaped header is removed", () => {
  assert.deepEqual(detect(`${KEY},'=sum\n`).columns.at(-1), "=sum");
});

test("a header over several lines is one header", () => {
  const { line, columns } = detect(`${KEY},"two\nlines"\na,b,c\n`);

  assert.equal(line, 3);
  assert.equal(columns.length, 3);
});

const REFUSALS = [
  ["nothing but line breaks", "\n\n", "empty_file", 3],
  ["a required column is missing", "license__license_key\n", "missing_header", 1],
  ["a column appears twice", `${KEY},${KEY.toUpperCase()}\n`, "duplicate_header", 1],
  ["a quote in the header is not closed", `${KEY},"a\nb,c,d\n`, "unbalanced_quote", 1],
  ["the header is too long", `${KEY},${"x".repeat(70_000)}\n`, "header_too_long", 1],
  [
    "there are too many columns",
    `${KEY}${Array.from({ length: 199 }, (_, n) => `,c${n}`).join("")}\n`,
    "too_many_columns",
    1,
  ],
];
for (const [what, text, code, line] of REFUSALS)
  test(`a file is refused if ${what}`, () => {
    const error = refusal(text);

    assert.deepEqual([error.code, error.line], [code, line]);
  });

test("a file without any known column is refused even if none is required", () => {
  assert.equal(refusal("foo,bar\n", "customers").code, "missing_header");
});

test("the refusal of a missing column names a similar header", () => {
  const { message, column } = refusal("license__license_key,product__short_cod\n");

  assert.equal(column, "product__short_code");
  assert.match(message, /Rename or map product__short_cod if it is product__short_code/);
});

test("all line endings become line feeds", () => {
  assert.equal(decodeText("a\r\nb\rc\n"), "a\nb\nc\n");
});

test("of a cut file only complete lines are read", () => {
  assert.equal(decodeText("a\nb\nc", true), "a\nb\n");
});

test("a zero byte is refused at its line", () => {
  const { code, line } = catchError(() => decodeText("a\nb\0\n"));

  assert.deepEqual([code, line], ["not_text", 2]);
});

for (const [type, text] of [
  ["JSON", '[{"key": 1}]'],
  ["a web page", "<!DOCTYPE html><html>"],
  ["a PDF", "%PDF-1.7"],
])
  test(`${type} is not read as CSV`, () => {
    assert.equal(catchError(() => decodeText(text)).code, "not_text");
  });
