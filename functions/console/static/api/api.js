// A client of the public API.
import { key, requireNewKey } from "./session.js";

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
  constructor({ status = 0, code, title, detail, errors = [], request_id = "" }) {
    super(detail);
    Object.assign(this, { status, code, title, detail, faults: errors, requestId: request_id });
  }
}

export const connectionProblem = () =>
  new Problem({
    code: "offline",
    title: "No connection",
    detail:
      "The service couldn’t be reached. Check your network and try again. Your entries are kept.",
  });

export const timeoutProblem = (service) =>
  new Problem({
    code: "timeout",
    title: "No response",
    detail: `${service} did not respond in time. Try again. Your entries are kept.`,
  });

/** Read a resource; blank query values are left out. Retries while the service is unavailable. */
export const get = (path, query, { signal } = {}) =>
  read(path, query, { signal, timeout: READ_TIMEOUT });

export const post = (path, body, headers) => request("POST", path, { body, headers });

export const patch = (path, body, headers) => request("PATCH", path, { body, headers });

/** Save a response as a file, under the name from its headers. */
export async function download(path, query) {
  const parse = async (response) => [
    response.headers.get("Content-Disposition"),
    await response.blob(),
  ];
  const [disposition, blob] = await read(path, query, { parse });
  const encoded = /filename\*=UTF-8''([^;]+)/.exec(disposition)?.[1];
  const plain = /filename="([^"]+)"/.exec(disposition)?.[1];
  save(blob, encoded ? decodeURIComponent(encoded) : (plain ?? path.split("/").at(-1)));
}

function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const anchor = Object.assign(document.createElement("a"), { href: url, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** The owner of an API key, `{company, scopes, …}`; throws a Problem if the key is invalid. */
export const readKeyOwner = (apiKey) => request("GET", "api-key/", { apiKey });

async function read(path, query = {}, options = {}) {
  const given = Object.entries(query).filter(([, value]) => value != null && value !== "");
  const url = given.length ? `${path}?${new URLSearchParams(given)}` : path;
  const end = Date.now() + RETRY_PERIOD;
  for (const delay of RETRY_DELAYS) {
    try {
      return await request("GET", url, options);
    } catch (problem) {
      const final = !RETRYABLE.has(problem.status) || !navigator.onLine || Date.now() > end;
      if (final || options.signal?.aborted) throw problem;
      await new Promise((resume) => setTimeout(resume, delay * (0.5 + Math.random())));
    }
  }
  return request("GET", url, options);
}

/** The parsed response; throws a Problem, or an AbortError if `signal` was aborted. */
async function request(method, path, options = {}) {
  const {
    body,
    headers,
    apiKey = key.value,
    parse = parseJson,
    signal,
    timeout = TIMEOUT,
  } = options;
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

const parseJson = async (response) => (response.status === 204 ? null : response.json());

async function parseProblem(response) {
  try {
    return new Problem({ ...(await response.json()), status: response.status });
  } catch {
    return unexpectedResponse(response);
  }
}

const unexpectedResponse = ({ ok, status }) =>
  new Problem({
    status: ok ? 0 : status,
    code: "unreadable",
    title: "Unexpected response",
    detail: `The service responded with status ${status}. Try again in a moment.`,
  });
