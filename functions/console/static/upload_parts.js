// Sending a large file in parts: each by a link of its own, and again by itself if need be.
import * as api from "./api.js";
import { transfer } from "./transfer.js";

const LINKS = 20;
const PAUSES = [300, 1000, 3000, 10_000, 20_000];
const EXPIRED = /^(ExpiredToken|RequestExpired)$/;
const BUSY = /^(InternalError|RequestTimeout|ServiceUnavailable|SlowDown)$/;

/** Sends `file` as the file of import `id`; links are asked for as they are needed. */
export async function sendParts(id, file, onShare, signal) {
  const links = linksOf(id);
  const { part_size: size } = await again(() => links.renewed());
  const tags = [];
  do {
    const start = tags.length * size;
    const part = file.slice(start, start + size);
    const onSent = (sent) => onShare(file.size ? (start + sent) / file.size : 1);
    const sendOne = async () =>
      transfer("PUT", await links.toPart(tags.length + 1), part, { onSent, signal });
    const { etag } = await again(sendOne, links, signal);
    if (!etag) throw refused("S3 took a part and did not tell its ETag.");
    tags.push(etag);
  } while (tags.length * size < file.size);
  await complete(links, tags, signal);
}

/** S3 can answer 200 and then an error in the body; an upload that has gone may be complete. */
async function complete(links, tags, signal) {
  const parts = tags.map(
    (tag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${tag}</ETag></Part>`,
  );
  const body = `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`;
  let lost = false;
  const ask = async () => {
    try {
      const { text } = await transfer("POST", await links.toComplete(), body, { signal });
      if (text.includes("<CompleteMultipartUploadResult")) return;
    } catch (problem) {
      if (lost && problem.s3 === "NoSuchUpload") return;
      lost ||= problem.status === 0 || problem.s3 === "InternalError";
      throw problem;
    }
    lost = true;
    throw api.offline("S3");
  };
  await again(ask, links, signal);
}

function linksOf(id) {
  let known;
  let until = 0;
  const sign = async (numbers) => {
    known = await api.post(`imports/${id}/parts/`, { part_numbers: numbers });
    until = Date.now() + known.expires_in * 800;
    return known;
  };
  const renewed = async () => (known && Date.now() < until ? known : sign([]));
  const find = (number) => known.parts.find((part) => part.part_number === number)?.url;
  return {
    renewed,
    forget: () => (known = null),
    toComplete: async () => (await renewed()).complete_url,
    toPart: async (number) => {
      await renewed();
      const count = Math.max(1, Math.min(LINKS, known.part_count - number + 1));
      return (
        find(number) ?? (await sign(Array.from({ length: count }, (_, at) => number + at)), find(number))
      );
    },
  };
}

/** Acts until it is done; what has expired or was lost is tried again, what is refused is not. */
async function again(act, links, signal) {
  for (const pause of PAUSES) {
    try {
      return await act();
    } catch (problem) {
      const expired = EXPIRED.test(problem.s3) || /expired/.test(problem.detail);
      const lost = problem.status === 0 || problem.status >= 500 || problem.status === 429;
      if (signal?.aborted || !(expired || lost || BUSY.test(problem.s3))) throw problem;
      if (expired) links?.forget();
      else await new Promise((resume) => setTimeout(resume, pause * (0.5 + Math.random())));
    }
  }
  return act();
}

const refused = (detail) =>
  new api.Problem({ code: "upload_refused", title: "The file was not taken", detail });
