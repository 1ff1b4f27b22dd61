// Who is signed in: an API key, its company and its scopes, in memory and in this tab's
// sessionStorage, and nowhere else.
//
// A new tab asks the other tabs of the same console for their session, over a BroadcastChannel,
// which only pages of the same origin can join. Signing out ends the session in every tab: those
// that are asleep meanwhile compare their session with the time of the last sign-out.
import { computed, signal } from "@preact/signals";
import { clear, lastSignOut, read, recordSignOut, shaped, write } from "./storage.js";

const PLACE = "keywright-session";
/** Two consoles of one origin share nothing. */
const NAME = `keywright ${new URL(".", document.baseURI).pathname}`;
/** Milliseconds that a new tab waits for the other tabs to answer. */
const PATIENCE = 200;
const NOBODY = { key: "", company: "", scopes: [], since: 0 };

/** The key, or null. While `refusal` is set it is no longer good, and the page waits for another. */
export const key = signal(null);
/** Whose key it is, or was before it was refused: what is typed is for no other company to see. */
export const company = signal(null);
export const refusal = signal("");
export const prefix = computed(() => (key.value || "").split(".")[0]);

/** Raised with every sign-in, so that what is shown is read again. */
export const signIns = signal(0);

const scopes = signal([]);
/** When the session began. */
let since = 0;

/** Whether the key has a scope. */
export const may = (scope) => scopes.value.includes(scope);

/** `owner` is what the API says of the key, `{company, scopes}`. */
export function signIn(entered, owner) {
  const { company, scopes } = owner;
  take({ key: entered, company, scopes, since: Date.now() });
  channel.postMessage({ signedIn: true });
}

function take(session) {
  const other = company.peek() && company.peek() !== session.company;
  if (other) clear();
  write(PLACE, session);
  if (other) return location.reload();
  hold(session);
  signIns.value += 1;
}

function hold(session) {
  since = session.since;
  company.value = session.company || null;
  scopes.value = session.scopes;
  refusal.value = "";
  key.value = session.key || null;
}

/** In every tab. */
export function signOut() {
  recordSignOut(NAME);
  channel.postMessage({ signedOut: true });
  leave();
}

function leave() {
  clear();
  hold(NOBODY);
}

/** The API no longer accepts the key: ask for another, over the page and what was typed in it. */
export function refuse(reason) {
  write(PLACE, { ...NOBODY, company: company.peek(), since });
  if (key.value) refusal.value = reason;
}

const isLive = () => Boolean(key.peek() && !refusal.peek());

/** Whether nobody has signed out since a session began. */
const isOpen = (session) => session.since > lastSignOut(NAME);

const channel = new BroadcastChannel(NAME);
let question = "";
let offers = [];

channel.onmessage = ({ data }) => {
  if (data.signedOut) leave();
  else if (data.signedIn) join();
  else if (data.to === question) offers.push({ ...data, session: shaped(data.session, NOBODY) });
  else if (data.ask && isLive())
    channel.postMessage({
      to: data.ask,
      session: { key: key.peek(), company: company.peek(), scopes: scopes.peek(), since },
    });
};

/** Takes over the newest session of the other tabs; of another company, only where there was none. */
async function join() {
  if (isLive()) return;
  question = String(Math.random());
  offers = [];
  channel.postMessage({ ask: question });
  await new Promise((resume) => setTimeout(resume, PATIENCE));
  const [last] = offers
    .filter(({ session }) => isOpen(session) && [null, session.company].includes(company.peek()))
    .sort((one, other) => other.session.since - one.session.since);
  if (last && !isLive()) take(last.session);
}

addEventListener("pageshow", () => {
  if (key.peek() && !isOpen({ since })) leave();
});

const held = shaped(read(PLACE) ?? NOBODY, NOBODY);
if (isOpen(held)) hold(held);
else clear();
if (!key.peek()) await join();
