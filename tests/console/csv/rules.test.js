import assert from "node:assert/strict";
import { test } from "node:test";
import {
  isUnseen,
  unescapeFormula,
  validateCell,
  validateRow,
  writeCsv,
} from "../../../functions/console/static/csv/rules.js";
import { rules } from "./rules_file.js";

const { licenses, customers } = rules.kinds;
const codeOf = (column, cell, kind = licenses) => validateCell(column, cell, kind)?.code ?? null;

/** Columns with cells that the server accepts, and others with the code of their fault. */
const CELLS = [
  [
    "license__enabled",
    ["1", "TRUE", " no ", "Ja", "SÍ", "Si\u0301", "FALSCH"],
    [["j", "invalid_value"]],
  ],
  ["license__license_type", ["perpetual", " time-limited "], [["foo", "invalid_choice"]]],
  [
    "license__max_activations",
    ["0", "2147483647", " 5 ", "5,0", "5.00 "],
    [
      ["2147483648", "invalid_value"],
      ["-1", "invalid_value"],
      ["5.000", "invalid_value"],
      ["2147483648,0", "invalid_value"],
    ],
  ],
  ["license__max_transfers", ["-1", "0"], [["-2", "invalid_value"]]],
  ["license__valid_duration", ["1y", "90min", " 3m ", "\\N"], [["1x", "invalid_value"]]],
  [
    "license__validity_period",
    ["2026-03-12", "2026-3-2", "2024-02-29", "2026-03-12T08:00:00Z", "0001-01-01"],
    [
      ["2026-02-29", "invalid_value"],
      ["2026-13-01", "invalid_value"],
      ["12.03.2026", "invalid_value"],
    ],
  ],
  ["license__consumption_period", ["monthly", "Year", "annual"], [["often", "invalid_choice"]]],
  [
    "license__metadata",
    ['{"po": 1}'],
    [
      ["[1]", "invalid_value"],
      ["{", "invalid_value"],
    ],
  ],
  [
    "license__license_key",
    ["000123", "é".repeat(128)],
    [
      ["é".repeat(129), "invalid_value"],
      ["1.9E+18", "invalid_value"],
      ["#NAME?", "invalid_value"],
      ["a\u200bb", "invalid_value"],
    ],
  ],
  ["license__note", ["x".repeat(1000), "😀".repeat(1000)], [["x".repeat(1001), "string_too_long"]]],
  ["customer__email", ["A@B.c"], [["no", "invalid_value"]]],
  ["customer__city", ["a\n b"], [["a\x07b", "invalid_value"]]],
];
for (const [column, valid, invalid] of CELLS)
  test(`${column} is validated by the rules of its row model`, () => {
    for (const cell of valid) assert.equal(codeOf(column, cell), null, cell);
    for (const [cell, code] of invalid) assert.equal(codeOf(column, cell), code, cell);
  });

test("a fault has the message of the server, and the start of the cell", () => {
  assert.deepEqual(validateCell("license__max_activations", "ja", licenses), {
    column: "license__max_activations",
    code: "invalid_value",
    message: "must be a whole number from 0 to 2147483647",
    value: "ja",
  });
  assert.equal(validateCell("license__note", "x".repeat(2000), licenses).value.length, 200);
});

test("the message names the damage of the cell", () => {
  const { message } = validateCell("license__license_key", "1.9E+18", licenses);

  assert.match(message, /damaged by a spreadsheet \(scientific number\)/);
});

test("a blank cell and an unknown column have no fault", () => {
  assert.equal(codeOf("license__enabled", " \u200b"), null);
  assert.equal(codeOf("shoe_size", "?"), null);
});

test("a blank required cell is a fault", () => {
  const faults = validateRow({ license__license_key: "\u200b", product__short_code: "" }, licenses);

  assert.deepEqual(
    faults.map(({ column, code }) => [column, code]),
    [
      ["license__license_key", "required"],
      ["product__short_code", "required"],
    ],
  );
});

test("each cell of a row has at most one fault", () => {
  const faults = validateRow({ email: "no", first_name: "n".repeat(256), city: "Bonn" }, customers);

  assert.deepEqual(
    faults.map(({ column }) => column),
    ["email", "first_name"],
  );
});

test("invisible characters alone are unseen", () => {
  for (const cell of [undefined, "", " ", "\u200b", "\u3164 \t"])
    assert.ok(isUnseen(cell, licenses), JSON.stringify(cell));
  assert.ok(!isUnseen("\u200bx", licenses));
});

test("the apostrophe before a formula is removed, any other is not", () => {
  assert.equal(unescapeFormula("'=1+1"), "=1+1");
  assert.equal(unescapeFormula("''=1"), "'=1");
  assert.equal(unescapeFormula("'90s"), "'90s");
});

test("written cells are quoted and escaped so that they are read as they were", () => {
  const rows = [{ a: 'x "1"', b: "=1" }, { a: " y", b: "-5.5" }, { b: "z\n" }];

  assert.equal(writeCsv(["a", "b"], rows), `a,b\r\n"x ""1""",'=1\r\n" y",-5.5\r\n,"z\n"\r\n`);
});
