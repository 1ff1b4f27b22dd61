// Sending a file: the API is asked where to, and the file goes straight to S3.
import { effect } from "@preact/signals";
import * as api from "./api.js";
import { key } from "./session.js";
import { transfer } from "./transfer.js";
import { sendParts } from "./upload_parts.js";

/** Bytes that S3 keeps as one object. */
export const LARGEST = 5 * 1024 ** 4;
/** Bytes of a file that is sent as a whole. */
const WHOLE = 100 * 1024 ** 2;

/** What may be sent once more in another way, by the number of its import: see `otherwise`. */
export const tried = new Map();
effect(() => {
  if (!key.value) tried.clear();
});

/**
 * Begins an import and sends its file; gives the job. `options` are the API's, with an
 * `external_id`, so that what is sent again after a lost answer is the same import and not another.
 * Once `signal` says so, it is cancelled, although it may have just been begun.
 */
export async function startImport(kind, file, options, { onShare = () => {}, signal } = {}) {
  const request = { kind, file_name: file.name, size: file.size, ...options };
  const begun = api.post("imports/", request);
  try {
    const { upload, ...job } = await Promise.race([begun, stopped(signal)]);
    if (upload) await send(job.id, upload, file, onShare, signal);
    const changed = otherwise(options);
    if (changed) {
      const again = { ...options, ...changed, external_id: crypto.randomUUID() };
      tried.set(job.id, { file, options: again });
    }
    return job;
  } catch (error) {
    if (signal?.aborted)
      begun.then(({ id }) => api.post(`imports/${id}/cancel/`)).catch(() => {});
    throw error;
  }
}

/** What was a dry run is then done for good; what was to be taken whole is taken without a few rows. */
const otherwise = ({ dry_run, on_error }) =>
  dry_run ? { dry_run: false } : on_error === "reject_all" && { on_error: "skip_row" };

const stopped = (signal) =>
  new Promise((_, fail) => signal?.addEventListener("abort", () => fail(signal.reason)));

/** By a form as a whole, or if the file is large in parts, of which each can be sent again. */
async function send(id, { url, fields }, file, onShare, signal) {
  if (!url || file.size > WHOLE) return sendParts(id, file, onShare, signal);
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file);
  const onSent = (sent) => onShare(file.size ? Math.min(1, sent / file.size) : 1);
  await transfer("POST", url, form, { onSent, signal });
}
