// Sending a file: the API is asked for a form, and the form goes straight to S3.
import { effect } from "@preact/signals";
import * as api from "./api.js";
import { key } from "./session.js";

export const LARGEST = 5 * 1024 ** 3;

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
    if (upload) await send(upload, file, onShare, signal);
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

/** XMLHttpRequest, because fetch does not tell how much has been sent. */
function send({ url, fields }, file, onShare, signal) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file);
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.upload.onprogress = ({ loaded, total }) => onShare(total ? loaded / total : 1);
    request.onload = () => (request.status < 300 ? done() : fail(refused(request)));
    request.onerror = () => fail(api.offline());
    request.onabort = () => fail(new DOMException("The upload was cancelled", "AbortError"));
    signal?.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

function refused({ status, responseText }) {
  const said = /<Message>([^<]*)/.exec(responseText)?.[1] ?? "";
  return new api.Problem({
    status,
    code: "upload_refused",
    title: "The file was not taken",
    detail: `The store answered ${status}. ${said} Try again.`,
  });
}
