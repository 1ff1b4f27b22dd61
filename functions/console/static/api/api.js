// A client of the public API. The path of a request determines the types of its query, body and response.

/** @import { Answer, ApiKey, Body, ProblemBody, Query } from "./types.ts" */
import { key, requireNewKey } from "./session.js";

/**
 * @typedef {object} Options
 * @property {unknown} [body]
 * @property {Record<string, string>} [headers]
 * @property {string | null} [apiKey]
 * @property {AbortSignal} [signal]
 * @property {number} [timeout] in milliseconds
 */

/**
 * @template T
 * @typedef {(response: Response) => Promise<T>} Parse
 */

const API = new URL("../api/v1/", document.baseURI);
const KEY_ERRORS = new Set(["not_authenticated", "invalid_api_key"]);
const RETRYABLE = new Set([0, 429, 502, 503, 504]);
const RETRY_DELAYS = [300, 1000, 3000];
/** Timeouts in milliseconds, of a read and of any request (API Gateway: 30 s). */
const READ_TIMEOUT = 10_000;
const TIMEOUT = 31_000;
/** Milliseconds after which a read is not retried. */
const RETRY_PERIOD = 15_000;

/** A failed request. `faults` are the API's `errors`: `{field, pointer, code, message, value}`. */
export class Problem extends Error {
  /**
   * `s3` is the code of an error of S3.
   *
   * @param {Partial<ProblemBody> & Pick<ProblemBody, "code" | "title" | "detail"> & {s3?: string}} body
   */
  constructor({ status = 0, code, title, detail, errors = [], request_id = "", s3 = "" }) {
    super(detail);
    this.status = status;
    this.code = code;
    this.title = title;
    this.detail = detail;
    this.faults = errors;
    this.requestId = request_id;
    this.s3 = s3;
  }
}

export const connectionProblem = () =>
  new Problem({
    code: "offline",
    title: "No connection",
    detail:
      "The service couldn’t be reached. Check your network and try again. Your entries are kept.",
  });

export const timeoutProblem = (/** @type {string} */ service) =>
  new Problem({
    code: "timeout",
    title: "No response",
    detail: `${service} did not respond in time. Try again. Your entries are kept.`,
  });

/**
 * Read a resource; blank query values are left out. Retries while the service is unavailable.
 *
 * @template {string} P
 * @param {P} path
 * @param {Query<P>} [query]
 * @param {{ signal?: AbortSignal }} [options]
 * @returns {Promise<Answer<"get", P>>}
 */
export const get = (path, query, { signal } = {}) =>
  read(path, query, parseJson, { signal, timeout: READ_TIMEOUT });

/**
 * @template {string} P
 * @param {P} path
 * @param {Body<"post", P>} [body]
 * @param {Record<string, string>} [headers]
 * @returns {Promise<Answer<"post", P>>}
 */
export const post = (path, body, headers) => request("POST", path, parseJson, { body, headers });

/**
 * @template {string} P
 * @param {P} path
 * @param {Body<"patch", P>} [body]
 * @returns {Promise<Answer<"patch", P>>}
 */
export const patch = (path, body) => request("PATCH", path, parseJson, { body });

/**
 * @template {string} P
 * @param {P} path
 * @param {Body<"put", P>} body
 * @returns {Promise<Answer<"put", P>>}
 */
export const put = (path, body) => request("PUT", path, parseJson, { body });

/**
 * Delete a record.
 *
 * @type {(path: string) => Promise<void>}
 */
export const remove = (path) => request("DELETE", path, parseJson, {});

/**
 * Save a response as a file, under the name from its headers.
 *
 * @param {string} path
 * @param {Record<string, string>} [query]
 */
export async function download(path, query) {
  const parse = async (/** @type {Response} */ response) => ({
    seconds: response.status === 202 ? Number(response.headers.get("Retry-After") ?? 1) : 0,
    disposition: response.headers.get("Content-Disposition") ?? "",
    blob: await response.blob(),
  });
  let file = await read(path, query, parse);
  while (file.seconds) {
    await new Promise((resolve) => setTimeout(resolve, file.seconds * 1000));
    file = await read(path, query, parse);
  }
  const { disposition, blob } = file;
  const encoded = /filename\*=UTF-8''([^;]+)/.exec(disposition)?.[1];
  const plain = /filename="([^"]+)"/.exec(disposition)?.[1];
  save(blob, encoded ? decodeURIComponent(encoded) : (plain ?? path.split("/").at(-1) ?? ""));
}

/** @type {(blob: Blob, name: string) => void} */
function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const anchor = Object.assign(document.createElement("a"), { href: url, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/**
 * The owner of an API key; throws a Problem if the key is invalid.
 *
 * @param {string} apiKey
 * @returns {Promise<ApiKey>}
 */
export const readKeyOwner = (apiKey) => request("GET", "api-key/", parseJson, { apiKey });

/**
 * @template T
 * @param {string} path
 * @param {object} query
 * @param {Parse<T>} parse
 * @param {Options} [options]
 */
async function read(path, query = {}, parse, options = {}) {
  const given = Object.entries(query).filter(([, value]) => value != null && value !== "");
  const url = given.length ? `${path}?${new URLSearchParams(given)}` : path;
  const end = Date.now() + RETRY_PERIOD;
  for (const delay of RETRY_DELAYS) {
    try {
      return await request("GET", url, parse, options);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      const final = !RETRYABLE.has(problem.status) || !navigator.onLine || Date.now() > end;
      if (final || options.signal?.aborted) throw problem;
      await new Promise((resume) => setTimeout(resume, delay * (0.5 + Math.random())));
    }
  }
  return request("GET", url, parse, options);
}

/**
 * The parsed response; throws a Problem, or an AbortError if `signal` was aborted.
 *
 * @template T
 * @param {string} method
 * @param {string} path
 * @param {Parse<T>} parse
 * @param {Options} options
 * @returns {Promise<T>}
 */
async function request(method, path, parse, options) {
  const { body, headers, apiKey = key.value, signal, timeout = TIMEOUT } = options;
  /** @type {Record<string, string>} */
  const sent = { ...headers, Accept: "application/json, */*", Authorization: `Api-Key ${apiKey}` };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), timeout);
  let response;
  try {
    response = await fetch(new URL(path, API), {
      method,
      headers: sent,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      signal: signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal,
    });
    clearTimeout(timer);
    if (response.ok) return await parse(response);
  } catch (error) {
    if (signal?.aborted) throw error;
    if (response) throw unexpectedResponse(response);
    throw deadline.signal.aborted ? timeoutProblem("The service") : connectionProblem();
  } finally {
    clearTimeout(timer);
  }
  const problem = await parseProblem(response);
  if (KEY_ERRORS.has(problem.code) && apiKey === key.value) requireNewKey(problem.detail);
  throw problem;
}

/** @type {Parse<any>} What the path promises; see `Answer`. */
const parseJson = async (response) => (response.status === 204 ? null : response.json());

async function parseProblem(/** @type {Response} */ response) {
  try {
    return new Problem({ ...(await response.json()), status: response.status });
  } catch {
    return unexpectedResponse(response);
  }
}

const unexpectedResponse = (/** @type {Response} */ { ok, status }) =>
  new Problem({
    status: ok ? 0 : status,
    code: "unreadable",
    title: "Unexpected response",
    detail: `The service responded with status ${status}. Try again in a moment.`,
  });
