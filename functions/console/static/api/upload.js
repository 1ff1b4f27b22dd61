// Start an import: create it in the API, then upload its file to S3.

/** @import { ImportKind, ImportRequest, Upload } from "./types.ts" */
import { effect } from "@preact/signals";
import * as api from "./api.js";
import { key } from "./session.js";
import { transfer } from "./transfer.js";
import { sendParts } from "./upload_parts.js";

/** Bytes of the largest object of S3. */
export const LARGEST = 5 * 1024 ** 4;
/** Bytes above which a file is uploaded in parts. */
const MULTIPART_THRESHOLD = 100 * 1024 ** 2;

/** @typedef {Omit<ImportRequest, "kind" | "file_name" | "size">} ImportOptions */
/** @typedef {(share: number) => void} OnShare `share` is the part of the file that was sent, from 0 to 1 */

/**
 * Files that can be imported again with `followUpOptions`, by the ID of their import.
 *
 * @type {Map<number, { file: File, options: ImportOptions }>}
 */
export const resendable = new Map();
effect(() => {
  if (!key.value) resendable.clear();
});

/**
 * Create an import and upload its file; returns the job. `options` are the API's. Their `external_id`
 * makes retries idempotent: a retry after a lost response continues the same import. Aborting `signal`
 * cancels the import, even if the API is still creating it.
 *
 * @param {ImportKind} kind
 * @param {File} file
 * @param {ImportOptions} options
 * @param {{ onShare?: OnShare, signal?: AbortSignal }} uploading
 */
export async function startImport(kind, file, options, { onShare = () => {}, signal } = {}) {
  const request = { kind, file_name: file.name, size: file.size, ...options };
  const created = api.post("imports/", request);
  try {
    const { upload, ...job } = await Promise.race([created, rejectOnAbort(signal)]);
    if (upload) await send(job.id, upload, file, onShare, signal);
    const changes = followUpOptions(options);
    if (changes) {
      const followUp = { ...options, ...changes, external_id: crypto.randomUUID() };
      resendable.set(job.id, { file, options: followUp });
    }
    return job;
  } catch (error) {
    if (signal?.aborted)
      created.then(({ id }) => api.post(`imports/${id}/cancel/`)).catch(() => {});
    throw error;
  }
}

/**
 * After a dry run the real import; after a rejected import one that skips rows with errors.
 *
 * @param {ImportOptions} options
 * @returns {Partial<ImportOptions> | null}
 */
const followUpOptions = ({ dry_run, on_error }) => {
  if (dry_run) return { dry_run: false };
  return on_error === "reject_all" ? { on_error: "skip_row" } : null;
};

/** @type {(signal?: AbortSignal) => Promise<never>} */
const rejectOnAbort = (signal) =>
  new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));

/**
 * Upload by a presigned form, or a large file in parts.
 *
 * @param {number} id
 * @param {Upload} upload
 * @param {File} file
 * @param {OnShare} onShare
 * @param {AbortSignal} [signal]
 */
async function send(id, upload, file, onShare, signal) {
  if (!("url" in upload) || file.size > MULTIPART_THRESHOLD)
    return sendParts(id, file, onShare, signal);
  const { url, fields } = upload;
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file);
  const onProgress = (/** @type {number} */ sent) =>
    onShare(file.size ? Math.min(1, sent / file.size) : 1);
  await transfer("POST", url, form, { onProgress, signal });
}
