// The public API, of which the console is a client like any other.
import { key, refuse } from "./session.js";

const HOME = new URL("../api/v1/", document.baseURI);
const ENDED = new Set(["not_authenticated", "invalid_api_key"]);
const BUSY = new Set([429, 502, 503, 504]);
const PAUSES = [400, 1500];

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

export const offline = () =>
  new Problem({
    code: "offline",
    title: "No answer",
    detail: "The network did not answer. What you entered is still here: try again.",
  });

/** Reads; asks again when the service is out of breath. Values that are blank are not sent. */
export async function get(path, query = {}, { signal } = {}) {
  return (await asked(path, query, signal)).json();
}

export async function post(path, body, headers = {}) {
  return json(await request("POST", path, { body, headers }));
}

export async function patch(path, body, headers = {}) {
  return json(await request("PATCH", path, { body, headers }));
}

/** Saves what the API answers as a file, under the name that it has there. */
export async function download(path, query = {}) {
  const answer = await asked(path, query);
  const told = answer.headers.get("Content-Disposition") ?? "";
  const coded = /filename\*=UTF-8''([^;]+)/.exec(told)?.[1];
  const plain = /filename="([^"]+)"/.exec(told)?.[1];
  save(await answer.blob(), coded ? decodeURIComponent(coded) : (plain ?? path.split("/").at(-1)));
}

export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const anchor = Object.assign(document.createElement("a"), { href: url, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Whether an API key is good; throws the Problem if not. */
export async function check(entered) {
  try {
    await request("GET", "products/?limit=1", { as: entered });
  } catch (problem) {
    if (problem.code !== "permission_denied") throw problem;
  }
}

async function asked(path, query, signal) {
  const given = Object.entries(query).filter(([, value]) => value != null && value !== "");
  const whole = given.length ? `${path}?${new URLSearchParams(given)}` : path;
  for (const pause of PAUSES) {
    try {
      return await request("GET", whole, { signal });
    } catch (problem) {
      if (!BUSY.has(problem.status)) throw problem;
      await new Promise((resume) => setTimeout(resume, pause));
    }
  }
  return request("GET", whole, { signal });
}

async function request(method, path, { body, headers = {}, as = key.value, signal } = {}) {
  const sent = { ...headers, Accept: "application/json, */*", Authorization: `Api-Key ${as}` };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(new URL(path, HOME), {
      method,
      headers: sent,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      signal,
    });
  } catch (error) {
    throw error.name === "AbortError" ? error : offline();
  }
  if (answer.ok) return answer;
  const problem = await problemOf(answer);
  if (ENDED.has(problem.code) && as === key.value) refuse(problem.detail);
  throw problem;
}

const json = async (answer) => (answer.status === 204 ? null : answer.json());

async function problemOf(answer) {
  try {
    return new Problem({ ...(await answer.json()), status: answer.status });
  } catch {
    return new Problem({
      status: answer.status,
      code: "unreadable",
      title: "The service did not answer as expected",
      detail: `It answered ${answer.status}. Try again in a moment.`,
    });
  }
}
