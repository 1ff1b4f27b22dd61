// The kind of a file is guessed from its header.
import assert from "node:assert/strict";
import { test } from "node:test";
import { guessKind } from "../../../functions/console/static/csv/guess.js";
import { rules } from "./rules_file.js";

for (const [header, kind] of [
  ["license__license_key,product__short_code", "licenses"],
  ["sep=;\nLicense__License_Key;product__short_code;memo", "licenses"],
  ["license_key,code", "license-features"],
  ["email,first_name,last_name", "customers"],
  ["E-Mail;Vorname", "customers"],
  ["Name,Size", null],
  ["", null],
])
  test(`a file with the header ${JSON.stringify(header)} has ${kind ?? "rows of any kind"}`, async () => {
    assert.equal(await guessKind(new Blob([`${header}\nx\n`]), rules), kind);
  });

test("only the first part of a large file is read", async () => {
  const rows = "a@b.example,Ana\n".repeat(200_000);

  assert.equal(await guessKind(new Blob([`email,first_name\n${rows}`]), rules), "customers");
});
