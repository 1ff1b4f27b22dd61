// The session: an API key, its company and its scopes, in memory and in this tab's sessionStorage.
//
// A new tab requests the session from other tabs of the same console over a BroadcastChannel, which
// only pages of the same origin can join. Signing out ends the session in every tab: a tab that was
// suspended compares the start of its session with the time of the last sign-out when it resumes.

/** @import { Signal } from "@preact/signals" */
/** @import { ApiKey } from "./types.ts" */
import { computed, signal } from "@preact/signals";
import { clear, matchShape, read, readLastSignOut, recordSignOut, write } from "./storage.js";

const STORAGE_NAME = "keywright-session";
/** The path is part of the name, so that two consoles of one origin do not share a session. */
const CHANNEL_NAME = `keywright ${new URL(".", document.baseURI).pathname}`;
/** Milliseconds that a new tab waits for responses of other tabs. */
const RESPONSE_TIMEOUT = 200;
/** @typedef {{ key: string, name: string, company: string, stage: string, scopes: string[], since: number }} Session */
/** @type {Session} */
const NO_SESSION = { key: "", name: "", company: "", stage: "", scopes: [], since: 0 };

/**
 * The API key, or null. While `keyError` is set, the key is invalid and the user must enter another.
 *
 * @type {Signal<string | null>}
 */
export const key = signal(null);
/**
 * The key's company. Kept when the key becomes invalid: drafts belong to this company only.
 *
 * @type {Signal<string | null>}
 */
export const company = signal(null);
/** The stage that the key is of, such as `prod`. */
export const stage = signal("");
export const keyError = signal("");
/** The name of the key. */
export const keyName = signal("");
export const keyPrefix = computed(() => (key.value || "").split(".")[0]);

/** Increases with every sign-in, to reload what is shown. */
export const signInCount = signal(0);

/** @type {Signal<string[]>} */
const scopes = signal([]);
/** The start of the session, in milliseconds since 1970. */
let since = 0;

export const hasScope = (/** @type {string} */ scope) => scopes.value.includes(scope);

/** @type {(apiKey: string, owner: Pick<ApiKey, "company" | "name" | "scopes" | "stage">) => void} */
export function signIn(apiKey, owner) {
  const { company, name, scopes, stage } = owner;
  start({ key: apiKey, name, company, stage, scopes, since: Date.now() });
  channel.postMessage({ signedIn: true });
}

function start(/** @type {Session} */ session) {
  const isOtherCompany = company.peek() && company.peek() !== session.company;
  if (isOtherCompany) clear();
  write(STORAGE_NAME, session);
  if (isOtherCompany) return location.reload();
  apply(session);
  signInCount.value += 1;
}

function apply(/** @type {Session} */ session) {
  since = session.since;
  company.value = session.company || null;
  keyName.value = session.name;
  stage.value = session.stage;
  scopes.value = session.scopes;
  keyError.value = "";
  key.value = session.key || null;
}

/** End the session in every tab. */
export function signOut() {
  recordSignOut(CHANNEL_NAME);
  channel.postMessage({ signedOut: true });
  end();
}

function end() {
  clear();
  apply(NO_SESSION);
}

/** Handle a key that the API rejects: ask for another one over the page, and keep drafts. */
export function requireNewKey(/** @type {string} */ reason) {
  write(STORAGE_NAME, { ...NO_SESSION, company: company.peek(), since });
  if (key.value) keyError.value = reason;
}

const hasValidKey = () => Boolean(key.peek() && !keyError.peek());

const isCurrent = (/** @type {Pick<Session, "since">} */ { since }) =>
  since > (readLastSignOut(CHANNEL_NAME) ?? 0);

const channel = new BroadcastChannel(CHANNEL_NAME);
let requestId = "";
/** @type {{ session: Session }[]} */
let offers = [];

channel.onmessage = (/** @type {MessageEvent} */ { data }) => {
  if (data.signedOut) end();
  else if (data.signedIn) join();
  else if (data.to === requestId)
    offers.push({ ...data, session: matchShape(data.session, NO_SESSION) });
  else if (data.ask && hasValidKey())
    channel.postMessage({
      to: data.ask,
      session: {
        key: key.peek(),
        name: keyName.peek(),
        company: company.peek(),
        stage: stage.peek(),
        scopes: scopes.peek(),
        since,
      },
    });
};

/** Adopt the newest session of the other tabs, but not of another company than this tab's. */
async function join() {
  if (hasValidKey()) return;
  requestId = String(Math.random());
  offers = [];
  channel.postMessage({ ask: requestId });
  await new Promise((resume) => setTimeout(resume, RESPONSE_TIMEOUT));
  const [newest] = offers
    .filter(({ session }) => isCurrent(session) && [null, session.company].includes(company.peek()))
    .sort((one, other) => other.session.since - one.session.since);
  if (newest && !hasValidKey()) start(newest.session);
}

addEventListener("pageshow", () => {
  if (key.peek() && !isCurrent({ since })) end();
});

const stored = matchShape(read(STORAGE_NAME) ?? NO_SESSION, NO_SESSION);
if (isCurrent(stored)) apply(stored);
else clear();
if (!key.peek()) await join();
