// Notify the user on any page when an import ends that was opened in this tab.

/** @import { Import } from "../api/types.ts" */
import { effect } from "@preact/signals";
import * as api from "../api/api.js";
import { describeProgress, describeResult } from "./import_result.js";
import { isChanging, isStopped } from "./import_states.js";
import { announce, notices } from "../parts/parts.js";
import { link, route } from "../parts/route.js";
import { key } from "../api/session.js";

const INTERVAL = 3000;
const MAX_FOLLOWED = 20;

/**
 * The paths of running imports, by their IDs.
 *
 * @type {Map<number, string>}
 */
const followed = new Map();
let timer = 0;
effect(() => {
  if (key.value) return;
  followed.clear();
  notices.value = [];
});

/**
 * Follow an import until it ends. While its own page is open, that page shows the end.
 *
 * @type {(job: Import) => void}
 */
export function follow(job) {
  if (!isChanging(job)) followed.delete(job.id);
  else if (followed.size < MAX_FOLLOWED) followed.set(job.id, `imports/${job.kind}/${job.id}`);
  if (!timer) timer = setTimeout(poll, INTERVAL);
}

async function poll() {
  for (const [id, path] of followed) {
    if (route.peek().path === path) continue;
    const job = await api.get(`imports/${id}/`).catch(() => null);
    if (job && !isChanging(job) && followed.delete(id)) notify(job, path);
  }
  timer = followed.size && setTimeout(poll, INTERVAL);
}

/** @type {(job: Import, path: string) => void} */
function notify(job, path) {
  const kind = job.state === "succeeded" ? "success" : isStopped(job) ? "error" : "warning";
  const title = `${job.file_name}: ${isStopped(job) ? describeProgress(job) : describeResult(job)}`;
  notices.value = [...notices.value, { kind, title, href: link(path) }];
  announce(title);
}
