// Multipart upload of a large file: each part has its own presigned URL and is retried on its own.

/** @import { PartLinks } from "./types.ts" */
/** @import { OnShare } from "./upload.js" */
import * as api from "./api.js";
import { transfer, uploadProblem } from "./transfer.js";

const URLS_PER_REQUEST = 20;
const RETRY_DELAYS = [300, 1000, 3000, 10_000, 20_000];
const EXPIRED = /^(ExpiredToken|RequestExpired)$/;
const RETRYABLE = /^(InternalError|RequestTimeout|ServiceUnavailable|SlowDown)$/;

/** @typedef {ReturnType<typeof createUrls>} Urls */

/**
 * Upload `file` as the file of import `id`; URLs are signed as they are needed.
 *
 * @param {number} id
 * @param {File} file
 * @param {OnShare} onShare
 * @param {AbortSignal} [signal]
 */
export async function sendParts(id, file, onShare, signal) {
  const urls = createUrls(id);
  const { part_size: size } = await retry(() => urls.current());
  /** @type {string[]} */
  const etags = [];
  do {
    const start = etags.length * size;
    const part = file.slice(start, start + size);
    const onProgress = (/** @type {number} */ sent) =>
      onShare(file.size ? (start + sent) / file.size : 1);
    const sendPart = async () =>
      transfer("PUT", await urls.ofPart(etags.length + 1), part, { onProgress, signal });
    const { etag } = await retry(sendPart, urls, signal);
    if (!etag) throw uploadProblem("S3 sent no ETag for a part. Try again.");
    etags.push(etag);
  } while (etags.length * size < file.size);
  await complete(urls, etags, signal);
}

/**
 * S3 may respond with 200 and an error in the body. If a response was lost, NoSuchUpload means that the
 * upload is complete.
 *
 * @param {Urls} urls
 * @param {string[]} etags
 * @param {AbortSignal} [signal]
 */
async function complete(urls, etags, signal) {
  const parts = etags.map(
    (etag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${etag}</ETag></Part>`,
  );
  const body = `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`;
  let responseLost = false;
  const send = async () => {
    try {
      const { text } = await transfer("POST", await urls.ofCompletion(), body, { signal });
      if (text.includes("<CompleteMultipartUploadResult")) return;
    } catch (problem) {
      if (!(problem instanceof api.Problem)) throw problem;
      if (responseLost && problem.s3 === "NoSuchUpload") return;
      responseLost ||= problem.status === 0 || problem.s3 === "InternalError";
      throw problem;
    }
    responseLost = true;
    throw api.timeoutProblem("S3");
  };
  await retry(send, urls, signal);
}

function createUrls(/** @type {number} */ id) {
  /** @type {PartLinks | null} */
  let signed = null;
  let expiresAt = 0;
  const sign = async (/** @type {number[]} */ numbers) => {
    signed = await api.post(`imports/${id}/parts/`, { part_numbers: numbers });
    expiresAt = Date.now() + signed.expires_in * 800;
    return signed;
  };
  const current = async () => (signed && Date.now() < expiresAt ? signed : sign([]));
  /** @type {(links: PartLinks, number: number) => string | undefined} */
  const find = ({ parts }, number) => parts.find((part) => part.part_number === number)?.url;
  return {
    current,
    discard: () => {
      signed = null;
    },
    ofCompletion: async () => (await current()).complete_url,
    ofPart: async (/** @type {number} */ number) => {
      const links = await current();
      const url = find(links, number);
      if (url) return url;
      const length = Math.max(1, Math.min(URLS_PER_REQUEST, links.part_count - number + 1));
      const more = await sign(Array.from({ length }, (_, at) => number + at));
      const signedUrl = find(more, number);
      if (!signedUrl) throw uploadProblem("The service sent no URL for a part. Try again.");
      return signedUrl;
    },
  };
}

/**
 * Retry `act` after a lost connection, an expired URL or a temporary error of S3.
 *
 * @template T
 * @param {() => Promise<T>} act
 * @param {Urls} [urls]
 * @param {AbortSignal} [signal]
 */
async function retry(act, urls, signal) {
  for (const delay of RETRY_DELAYS) {
    try {
      return await act();
    } catch (problem) {
      if (!(problem instanceof api.Problem)) throw problem;
      const expired = EXPIRED.test(problem.s3) || /expired/.test(problem.detail);
      const lost = problem.status === 0 || problem.status >= 500 || problem.status === 429;
      if (signal?.aborted || !(expired || lost || RETRYABLE.test(problem.s3))) throw problem;
      if (expired) urls?.discard();
      else await new Promise((resume) => setTimeout(resume, delay * (0.5 + Math.random())));
    }
  }
  return act();
}
