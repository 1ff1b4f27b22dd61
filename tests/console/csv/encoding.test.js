import assert from "node:assert/strict";
import { test } from "node:test";
import { decode } from "../../../functions/console/static/csv/encoding.js";
import { catchError } from "./rules_file.js";

const utf8 = (text) => new TextEncoder().encode(text);
const bytes = (...parts) =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === "string" ? [...utf8(part)] : part)));

const refusal = (data, requested = "") => catchError(() => decode(data, requested, false));

test("valid UTF-8 is read as UTF-8, also if another encoding is requested", () => {
  for (const requested of ["", "utf-8", "windows-1252"])
    assert.deepEqual(decode(utf8("Größe 😀"), requested, false), {
      text: "Größe 😀",
      encoding: "utf-8",
    });
});

test("ASCII has the requested encoding", () => {
  assert.equal(decode(utf8("plain"), "windows-1252", false).encoding, "windows-1252");
  assert.equal(decode(utf8("plain"), "", false).encoding, "utf-8");
});

test("bytes that are not UTF-8 are read as Windows-1252", () => {
  // Not a byte from 0x80 to 0x9f: Node 20 decodes these like Latin-1, unlike browsers.
  assert.deepEqual(decode(bytes("Gr", [0xf6, 0xdf], "e"), "", false), {
    text: "Größe",
    encoding: "windows-1252",
  });
});

test("a byte order mark decides the encoding and is no part of the text", () => {
  assert.deepEqual(decode(bytes([0xef, 0xbb, 0xbf], "ä"), "", false), {
    text: "ä",
    encoding: "utf-8",
  });
  assert.deepEqual(decode(bytes([0xff, 0xfe, 0xe4, 0]), "", false), {
    text: "ä",
    encoding: "utf-16le",
  });
  assert.deepEqual(decode(bytes([0xfe, 0xff, 0, 0xe4]), "", false), {
    text: "ä",
    encoding: "utf-16be",
  });
});

test("a file that contradicts its byte order mark is refused at the line of the contradiction", () => {
  const { code, line, message } = refusal(bytes([0xef, 0xbb, 0xbf], "a\nb\n", [0xfc]));

  assert.equal(code, "undecodable");
  assert.equal(line, 3);
  assert.match(message, /UTF-8, which its byte order mark declares/);
});

test("a file that is not UTF-8 is refused if UTF-8 is requested, with the other choice", () => {
  const { line, message } = refusal(bytes("a\n", [0xfc]), "utf-8");

  assert.equal(line, 2);
  assert.match(message, /or read it as Windows-1252\.$/);
});

test("a file that mixes encodings is refused, unless Windows-1252 is requested", () => {
  const mixed = bytes("ü\nb\n", [0xfc], "\n");

  assert.match(refusal(mixed).message, /line 1 is: it mixes encodings/);
  assert.equal(decode(mixed, "windows-1252", false).text, "Ã¼\nb\nü\n");
});

test("bytes that are undefined in both encodings are refused at their line", () => {
  const { line, message } = refusal(bytes("a\nb", [0x8d], "\n"), "windows-1252");

  assert.equal(line, 2);
  assert.match(message, /not UTF-8 or Windows-1252/);
});

test("the end of a cut file may divide a character", () => {
  const whole = utf8("aé");

  assert.equal(decode(whole.subarray(0, 2), "", true).text, "a");
  assert.equal(decode(whole.subarray(0, 2), "", false).encoding, "windows-1252");
});

test("the line of an invalid byte is found beyond the first block", () => {
  const { line } = refusal(bytes("x\n".repeat(5000), [0xfc]), "utf-8");

  assert.equal(line, 5001);
});
