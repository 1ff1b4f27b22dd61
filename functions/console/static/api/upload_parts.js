// Multipart upload of a large file: each part has its own presigned URL and is retried on its own.
import * as api from "./api.js";
import { transfer, uploadProblem } from "./transfer.js";

const URLS_PER_REQUEST = 20;
const RETRY_DELAYS = [300, 1000, 3000, 10_000, 20_000];
const EXPIRED = /^(ExpiredToken|RequestExpired)$/;
const RETRYABLE = /^(InternalError|RequestTimeout|ServiceUnavailable|SlowDown)$/;

/** Upload `file` as the file of import `id`; URLs are signed as they are needed. */
export async function sendParts(id, file, onShare, signal) {
  const urls = createUrls(id);
  const { part_size: size } = await retry(() => urls.current());
  const etags = [];
  do {
    const start = etags.length * size;
    const part = file.slice(start, start + size);
    const onProgress = (sent) => onShare(file.size ? (start + sent) / file.size : 1);
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
      if (responseLost && problem.s3 === "NoSuchUpload") return;
      responseLost ||= problem.status === 0 || problem.s3 === "InternalError";
      throw problem;
    }
    responseLost = true;
    throw api.timeoutProblem("S3");
  };
  await retry(send, urls, signal);
}

function createUrls(id) {
  let signed;
  let expiresAt = 0;
  const sign = async (numbers) => {
    signed = await api.post(`imports/${id}/parts/`, { part_numbers: numbers });
    expiresAt = Date.now() + signed.expires_in * 800;
    return signed;
  };
  const current = async () => (signed && Date.now() < expiresAt ? signed : sign([]));
  const find = (number) => signed.parts.find((part) => part.part_number === number)?.url;
  return {
    current,
    discard: () => (signed = null),
    ofCompletion: async () => (await current()).complete_url,
    ofPart: async (number) => {
      await current();
      const length = Math.max(1, Math.min(URLS_PER_REQUEST, signed.part_count - number + 1));
      return (
        find(number) ?? (await sign(Array.from({ length }, (_, at) => number + at)), find(number))
      );
    },
  };
}

/** Retry `act` after a lost connection, an expired URL or a temporary error of S3. */
async function retry(act, urls, signal) {
  for (const delay of RETRY_DELAYS) {
    try {
      return await act();
    } catch (problem) {
      const expired = EXPIRED.test(problem.s3) || /expired/.test(problem.detail);
      const lost = problem.status === 0 || problem.status >= 500 || problem.status === 429;
      if (signal?.aborted || !(expired || lost || RETRYABLE.test(problem.s3))) throw problem;
      if (expired) urls?.discard();
      else await new Promise((resume) => setTimeout(resume, delay * (0.5 + Math.random())));
    }
  }
  return act();
}
