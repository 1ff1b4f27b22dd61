// The public API, of which the console is a client like any other.
import { key, refuse } from "./session.js";

const HOME = new URL("../api/v1/", document.baseURI);
const ENDED = new Set(["not_authenticated", "invalid_api_key"]);
const BUSY = new Set([0, 429, 502, 503, 504]);
const PAUSES = [300, 1000, 3000];
/** Milliseconds that one waits for an answer, to a read and to anything (API Gateway: 30 s). */
const SOON = 10_000;
const EVER = 31_000;
/** Milliseconds after which a read is not asked again. */
const ENOUGH = 15_000;

/** What went wrong. `faults` are `{field, pointer, code, message, value}`, as the API tells them. */
export class Problem extends Error {
  constructor({ status = 0, code, title, detail, errors = [], request_id = "" }) {
    super(detail);
    Object.assign(this, { status, code, title, detail, faults: errors, requestId: request_id });
  }

  /** The message for the fields of a form, by their pointer; `""` is for the whole. */
  get byPointer() {
    const told = {};
    for (const { pointer, message } of this.faults) told[pointer ?? ""] ??= message;
    return told;
  }
}

export const offline = (who = "The network") =>
  new Problem({
    code: "offline",
    title: "No answer",
    detail: `${who} did not answer. What you entered is still here: try again.`,
  });

/** Reads; asks again when the service is out of breath. Values that are blank are not sent. */
export const get = (path, query, { signal } = {}) => asked(path, query, { signal, patience: SOON });

export const post = (path, body, headers) => request("POST", path, { body, headers });

export const patch = (path, body, headers) => request("PATCH", path, { body, headers });

/** Saves what the API answers as a file, under the name that it has there. */
export async function download(path, query) {
  const read = async (answer) => [answer.headers.get("Content-Disposition"), await answer.blob()];
  const [told, blob] = await asked(path, query, { read });
  const coded = /filename\*=UTF-8''([^;]+)/.exec(told)?.[1];
  const plain = /filename="([^"]+)"/.exec(told)?.[1];
  save(blob, coded ? decodeURIComponent(coded) : (plain ?? path.split("/").at(-1)));
}

function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const anchor = Object.assign(document.createElement("a"), { href: url, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Whose an API key is, `{company, scopes, …}`; throws the Problem if it is not good. */
export const whose = (entered) => request("GET", "api-key/", { as: entered });

/** A question that may be asked again: it changes nothing. */
async function asked(path, query = {}, options = {}) {
  const given = Object.entries(query).filter(([, value]) => value != null && value !== "");
  const whole = given.length ? `${path}?${new URLSearchParams(given)}` : path;
  const end = Date.now() + ENOUGH;
  for (const pause of PAUSES) {
    try {
      return await request("GET", whole, options);
    } catch (problem) {
      const hopeless = !BUSY.has(problem.status) || !navigator.onLine || Date.now() > end;
      if (hopeless || options.signal?.aborted) throw problem;
      await new Promise((resume) => setTimeout(resume, pause * (0.5 + Math.random())));
    }
  }
  return request("GET", whole, options);
}

/** The answer as `read` takes it; throws a Problem, or an AbortError when `signal` says so. */
async function request(method, path, options = {}) {
  const { body, headers, as = key.value, read = json, signal, patience = EVER } = options;
  const sent = { ...headers, Accept: "application/json, */*", Authorization: `Api-Key ${as}` };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), patience);
  let answer;
  try {
    answer = await fetch(new URL(path, HOME), {
      method,
      headers: sent,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      signal: signal ? AbortSignal.any([signal, late.signal]) : late.signal,
    });
    clearTimeout(timer);
    if (answer.ok) return await read(answer);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw answer ? unreadable(answer) : offline(late.signal.aborted ? "The service" : undefined);
  } finally {
    clearTimeout(timer);
  }
  const problem = await problemOf(answer);
  if (ENDED.has(problem.code) && as === key.value) refuse(problem.detail);
  throw problem;
}

const json = async (answer) => (answer.status === 204 ? null : answer.json());

async function problemOf(answer) {
  try {
    return new Problem({ ...(await answer.json()), status: answer.status });
  } catch {
    return unreadable(answer);
  }
}

const unreadable = ({ ok, status }) =>
  new Problem({
    status: ok ? 0 : status,
    code: "unreadable",
    title: "The service did not answer as expected",
    detail: `It answered ${status}. Try again in a moment.`,
  });
