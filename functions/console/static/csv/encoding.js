// Detect the encoding of a file by its bytes, like the server does.
import { BadFile, countLines } from "./csv.js";

/** @type {[string, number[]][]} */
const BYTE_ORDER_MARKS = [
  ["utf-16le", [0xff, 0xfe]],
  ["utf-16be", [0xfe, 0xff]],
  ["utf-8", [0xef, 0xbb, 0xbf]],
];
/** Bytes that are undefined in Windows-1252, which a TextDecoder accepts nevertheless. */
const UNDEFINED = [0x81, 0x8d, 0x8f, 0x90, 0x9d];
const TRY_1252 = "save it as CSV UTF-8, or read it as Windows-1252";

/**
 * Decode a file, or its start if it is `cut`; returns `{text, encoding}`. `requested` is "utf-8",
 * "windows-1252", or "" to detect the encoding: a byte order mark, else UTF-8 if the bytes are valid,
 * else Windows-1252. Valid UTF-8 is never read as Windows-1252.
 *
 * @param {Uint8Array} bytes
 * @param {string} requested
 * @param {boolean} cut
 */
export function decode(bytes, requested, cut) {
  const mark = BYTE_ORDER_MARKS.find(([, start]) => start.every((byte, at) => bytes[at] === byte));
  const encoding = mark?.[0] ?? "utf-8";
  const text = decodeStrictly(bytes, encoding, cut);
  if (text !== null) {
    const isAscii = requested === "windows-1252" && !mark && text.length === bytes.length;
    return { text, encoding: isAscii ? requested : encoding };
  }
  const line = findInvalidLine(bytes, encoding);
  if (mark) reject(`${encoding.toUpperCase()}, which its byte order mark declares`, line);
  if (requested === "utf-8") reject("UTF-8", line, TRY_1252);
  const undefinedAt = Math.min(...UNDEFINED.map((byte) => bytes.indexOf(byte) >>> 0));
  const multibyteAt = requested ? -1 : findMultibyte(bytes);
  if (multibyteAt >= 0 && multibyteAt <= undefinedAt) {
    const what = `UTF-8, but line ${lineAt(bytes, multibyteAt)} is: it mixes encodings`;
    reject(what, line, undefinedAt < bytes.length ? undefined : TRY_1252);
  }
  if (undefinedAt < bytes.length) reject("UTF-8 or Windows-1252", lineAt(bytes, undefinedAt));
  return { text: new TextDecoder("windows-1252").decode(bytes), encoding: "windows-1252" };
}

/** @type {(what: string, line: number, advice?: string) => never} */
function reject(what, line, advice = "save it as CSV UTF-8") {
  throw new BadFile("undecodable", `The file is not ${what}. To import it, ${advice}.`, line);
}

/** @type {(bytes: Uint8Array, encoding: string, cut?: boolean) => string | null} */
function decodeStrictly(bytes, encoding, cut) {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: cut });
  } catch {
    return null;
  }
}

/** @type {(bytes: Uint8Array, at: number) => number} */
const lineAt = (bytes, at) =>
  countLines(new TextDecoder("windows-1252").decode(bytes.subarray(0, at))) + 1;

/**
 * The position of the first multibyte UTF-8 character, in bytes that are not all UTF-8; or -1.
 *
 * @type {(bytes: Uint8Array) => number}
 */
function findMultibyte(bytes) {
  for (let at = 0; at < bytes.length; at += 1) {
    if (bytes[at] < 0xc2 || (bytes[at + 1] & 0xc0) !== 0x80) continue;
    const size = bytes[at] < 0xe0 ? 2 : bytes[at] < 0xf0 ? 3 : 4;
    if (
      at + size <= bytes.length &&
      decodeStrictly(bytes.subarray(at, at + size), "utf-8") !== null
    )
      return at;
  }
  return -1;
}

/**
 * The line of the first byte that is invalid in the encoding.
 *
 * @type {(bytes: Uint8Array, encoding: string) => number}
 */
function findInvalidLine(bytes, encoding) {
  const decoder = new TextDecoder(encoding, { fatal: true });
  let line = 1;
  let at = 0;
  try {
    for (; at < bytes.length; at += 4096)
      line += countLines(decoder.decode(bytes.subarray(at, at + 4096), { stream: true }));
  } catch {
    const block = new TextDecoder(encoding).decode(bytes.subarray(at, at + 4096));
    line += countLines(block.slice(0, Math.max(0, block.indexOf("\ufffd"))));
  }
  return line;
}
