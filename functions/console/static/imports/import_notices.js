// Watch the running imports: their count in the menu, and notices when an import ends that was opened
// in this tab: on every page, in the title of a tab in the background, and by the browser if allowed.

/** @import { Import } from "../api/types.ts" */
import { effect, signal } from "@preact/signals";
import * as api from "../api/api.js";
import { describeProgress, describeResult } from "./import_result.js";
import { isChanging, isRunning, isStopped } from "./import_states.js";
import { announce, notices, runningImports } from "../parts/parts.js";
import { link, route } from "../parts/route.js";
import { hasScope, key, keyError } from "../api/session.js";

/** Milliseconds between requests, while a followed import runs and otherwise. */
const INTERVAL = 3000;
const IDLE_INTERVAL = 15_000;
const MAX_FOLLOWED = 20;
const LIMIT = 20;

/**
 * The paths of running imports, by their IDs.
 *
 * @type {Map<number, string>}
 */
const followed = new Map();
let timer = 0;
/** The title of the page while another one is shown in a background tab. */
let title = "";

effect(() => {
  clearTimeout(timer);
  if (key.value) timer = setTimeout(poll, 0);
  else {
    followed.clear();
    notices.value = [];
    runningImports.value = 0;
  }
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  if (title) document.title = title;
  title = "";
  if (key.peek()) poll();
});

/**
 * Follow an import until it ends. While its own page is open, that page shows the end.
 *
 * @type {(job: Import) => void}
 */
export function follow(job) {
  const path = `imports/${job.kind}/${job.id}`;
  if (!isChanging(job)) {
    if (followed.delete(job.id)) notify(job, path);
  } else if (!followed.has(job.id) && followed.size < MAX_FOLLOWED) {
    followed.set(job.id, path);
    clearTimeout(timer);
    timer = setTimeout(poll, INTERVAL);
  }
}

async function poll() {
  clearTimeout(timer);
  const isWanted = !document.hidden || followed.size > 0;
  if (isWanted && !keyError.peek() && hasScope("records:read")) await update().catch(() => {});
  clearTimeout(timer);
  if (key.peek()) timer = setTimeout(poll, followed.size ? INTERVAL : IDLE_INTERVAL);
}

async function update() {
  const page = await api.get("imports/", { unfinished: true, limit: LIMIT });
  runningImports.value = page.count;
  for (const [id, path] of followed) {
    if (route.peek().path === path) continue;
    const job = page.results.find((each) => each.id === id) ?? (await api.get(`imports/${id}/`));
    if (!isChanging(job) && followed.delete(id)) notify(job, path);
    else if (isRunning(job) && document.hidden) showInTitle(`${job.progress.percent ?? 0} %`, job);
  }
}

/** @type {(job: Import, path: string) => void} */
function notify(job, path) {
  const kind = job.state === "succeeded" ? "success" : isStopped(job) ? "error" : "warning";
  const text = `${job.file_name}: ${isStopped(job) ? describeProgress(job) : describeResult(job)}`;
  if (route.peek().path !== path) {
    notices.value = [...notices.value, { kind, title: text, href: link(path) }];
    announce(text);
  }
  if (!document.hidden) return;
  showInTitle(kind === "success" ? "Done" : kind === "error" ? "Failed" : "Done, with errors", job);
  showByBrowser(job, text, path);
}

/** @type {(state: string, job: Import) => void} */
function showInTitle(state, job) {
  title ||= document.title;
  document.title = `${state} · ${job.file_name} · Keywright`;
}

/** Whether the user has allowed notifications of the browser; null if it has none. */
export const permission = signal("Notification" in window ? Notification.permission : null);

/** Ask the user to allow them; browsers ignore what no button asks. */
export async function requestPermission() {
  permission.value = await Notification.requestPermission();
}

/** @type {(job: Import, text: string, path: string) => void} */
function showByBrowser(job, text, path) {
  if (permission.peek() !== "granted") return;
  try {
    const shown = new Notification("Import finished", { body: text, tag: `import-${job.id}` });
    shown.onclick = () => {
      focus();
      location.hash = link(path);
      shown.close();
    };
  } catch {
    // Browsers of phones show none without a service worker.
  }
}
