// Start the worker that checks a file, or guesses its kind (check.js).
const SCRIPT = new URL("check.js", import.meta.url).href;

/** @import { ImportKind } from "../api/types.ts" */
/** @import { Dates } from "./day_order.js" */
/** @import { Checked, FileError, FileHeader } from "./file_check.js" */
/** @import { Mapping } from "./mapping.js" */
/** @import { Keys } from "./rules.js" */
/** @typedef {{ done: false, share: number }} Checking */
/** @typedef {{ csv: File | null, sheets: string[], sheet: string }} Workbook null if it is refused */
/** @typedef {{ error: FileError, header?: FileHeader | null }} Refused */
/** @typedef {{ done: true, workbook?: Workbook } & (Checked | Refused)} Result */

/** @typedef {{ createScriptURL: (text: string) => string }} Policy */
/** @typedef {{ createPolicy: (name: string, policy: Policy) => Policy }} TrustedTypes */

/** Missing in some browsers and in TypeScript's library. */
const { trustedTypes } = /** @type {{ trustedTypes?: TrustedTypes }} */ (globalThis);
/** The only script that the page may start by its URL. */
const policy = trustedTypes?.createPolicy("keywright", { createScriptURL: () => SCRIPT });

const UNCHECKED = {
  code: "unchecked",
  message:
    "Part of the console couldn’t be loaded. Check your network and try again; your file is still selected.",
};

/**
 * Check a file. Calls `onResult` with `{done: false, share}` for progress, then with `{done: true, …}`
 * and the result of `checkFile`. Returns a function that stops the check.
 *
 * @param {File} file
 * @param {ImportKind} kind
 * @param {{ encoding: string, dates: Dates, mapping: Mapping, sheet: string, keys: Keys }} options
 * @param {(result: Checking | Result) => void} onResult
 */
export function startCheck(file, kind, options, onResult) {
  const worker = startWorker();
  worker.onmessage = ({ data }) => {
    if (!data.result) onResult({ done: false, share: data.share });
    else {
      onResult({ done: true, ...data.result });
      worker.terminate();
    }
  };
  worker.onerror = (event) => {
    event.preventDefault();
    onResult({ done: true, error: UNCHECKED });
    worker.terminate();
  };
  worker.postMessage({ file, kind, ...options });
  return () => worker.terminate();
}

const startWorker = () =>
  new Worker(policy ? policy.createScriptURL("") : SCRIPT, { type: "module" });

/**
 * The kind whose columns a file has, or null if that is not clear.
 *
 * @type {(file: File) => Promise<ImportKind | null>}
 */
export function startGuess(file) {
  const worker = startWorker();
  /** @type {Promise<ImportKind | null>} */
  const guess = new Promise((resolve) => {
    worker.onmessage = ({ data }) => resolve(data.result.kind);
    worker.onerror = (event) => {
      event.preventDefault();
      resolve(null);
    };
    worker.postMessage({ file });
  });
  return guess.finally(() => worker.terminate());
}
