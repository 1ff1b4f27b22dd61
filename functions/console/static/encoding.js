// The encoding of a file, decided by its bytes as the server decides it.
import { BadFile, linesIn } from "./csv.js";

const MARKS = [
  ["utf-16le", [0xff, 0xfe]],
  ["utf-16be", [0xfe, 0xff]],
  ["utf-8", [0xef, 0xbb, 0xbf]],
];
/** Bytes that Windows-1252 does not define; a TextDecoder lets them pass. */
const UNDEFINED = [0x81, 0x8d, 0x8f, 0x90, 0x9d];
const TO_1252 = "save it as CSV UTF-8, or read it as Windows-1252";

/**
 * `{text, encoding}` of the bytes of a file, or of its start if it is `cut`. `requested` is "utf-8",
 * "windows-1252", or blank for what the bytes say: a byte order mark, else UTF-8 if they are valid,
 * else Windows-1252. Valid UTF-8 is never read as Windows-1252.
 */
export function decode(bytes, requested, cut) {
  const mark = MARKS.find(([, start]) => start.every((byte, at) => bytes[at] === byte));
  const encoding = mark?.[0] ?? "utf-8";
  const text = strict(bytes, encoding, cut);
  if (text !== null) {
    const free = requested === "windows-1252" && !mark && text.length === bytes.length;
    return { text, encoding: free ? requested : encoding };
  }
  const line = lineOfFault(bytes, encoding);
  if (mark) refuse(`${encoding.toUpperCase()}, as its byte order mark says`, line);
  if (requested === "utf-8") refuse("UTF-8", line, TO_1252);
  const gap = Math.min(...UNDEFINED.map((byte) => bytes.indexOf(byte) >>> 0));
  const wide = requested ? -1 : firstWide(bytes);
  if (wide >= 0 && wide <= gap) {
    const it = `UTF-8, but line ${lineAt(bytes, wide)} is: it mixes encodings`;
    refuse(it, line, gap < bytes.length ? undefined : TO_1252);
  }
  if (gap < bytes.length) refuse("UTF-8 or Windows-1252", lineAt(bytes, gap));
  return { text: new TextDecoder("windows-1252").decode(bytes), encoding: "windows-1252" };
}

function refuse(it, line, way = "save it as CSV UTF-8") {
  throw new BadFile("undecodable", `The file is not ${it}. To import it, ${way}.`, line);
}

function strict(bytes, encoding, cut) {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: cut });
  } catch {
    return null;
  }
}

const lineAt = (bytes, at) =>
  linesIn(new TextDecoder("windows-1252").decode(bytes.subarray(0, at))) + 1;

/** Where the first character of several bytes is, in bytes that are not all UTF-8. */
function firstWide(bytes) {
  for (let at = 0; at < bytes.length; at += 1) {
    if (bytes[at] < 0xc2 || (bytes[at + 1] & 0xc0) !== 0x80) continue;
    const size = bytes[at] < 0xe0 ? 2 : bytes[at] < 0xf0 ? 3 : 4;
    if (at + size <= bytes.length && strict(bytes.subarray(at, at + size), "utf-8") !== null)
      return at;
  }
  return -1;
}

/** The line of the first byte that the encoding does not know. */
function lineOfFault(bytes, encoding) {
  const decoder = new TextDecoder(encoding, { fatal: true });
  let line = 1;
  let at = 0;
  try {
    for (; at < bytes.length; at += 4096)
      line += linesIn(decoder.decode(bytes.subarray(at, at + 4096), { stream: true }));
  } catch {
    const whole = new TextDecoder(encoding).decode(bytes.subarray(at, at + 4096));
    line += linesIn(whole.slice(0, Math.max(0, whole.indexOf("\ufffd"))));
  }
  return line;
}
