// Imports that this tab has seen running: followed to their end on every page, which then says so.
import { effect } from "@preact/signals";
import * as api from "./api.js";
import { progressOf, resultOf } from "./import_result.js";
import { isLive, isStopped } from "./import_words.js";
import { notices, say } from "./parts.js";
import { link, route } from "./route.js";
import { key } from "./session.js";

const PAUSE = 3000;
const MOST = 20;

/** Links to imports by their numbers. */
const followed = new Map();
let timer = 0;
effect(() => {
  if (key.value) return;
  followed.clear();
  notices.value = [];
});

/** Called by the page of an import for what it shows: that page itself shows the end. */
export function follow(job) {
  if (!isLive(job)) followed.delete(job.id);
  else if (followed.size < MOST) followed.set(job.id, `imports/${job.kind}/${job.id}`);
  timer ||= setTimeout(look, PAUSE);
}

async function look() {
  for (const [id, path] of followed) {
    if (route.peek().path === path) continue;
    const job = await api.get(`imports/${id}/`).catch(() => null);
    if (job && !isLive(job) && followed.delete(id)) announce(job, path);
  }
  timer = followed.size && setTimeout(look, PAUSE);
}

function announce(job, path) {
  const kind = job.state === "succeeded" ? "success" : isStopped(job) ? "error" : "warning";
  const title = `${job.file_name}: ${isStopped(job) ? progressOf(job) : resultOf(job)}`;
  notices.value = [...notices.value, { kind, title, href: link(path) }];
  say(title);
}
