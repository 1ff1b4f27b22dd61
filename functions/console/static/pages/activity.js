// Activity: the events of the last 90 days, newest first, with who caused them.

/** @import { Answer, KeywrightEvent } from "../api/types.ts" */
/** @import { FilterField } from "../forms/filters.js" */
/** @import { Children, Column, PageQuery } from "../parts/types.ts" */
import * as api from "../api/api.js";
import { useLoad } from "../api/load.js";
import { Filters } from "../forms/filters.js";
import { formatCount, formatTime } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { Empty, Loaded, Page, Pager, Table } from "../parts/parts.js";
import { link } from "../parts/route.js";

const LIMIT = 50;
/** @type {Record<KeywrightEvent["type"], string>} */
const TEXTS = {
  "import.started": "Import started",
  "import.succeeded": "Import succeeded",
  "import.completed_with_errors": "Import completed with errors",
  "import.failed": "Import failed",
  "import.rejected": "Import rejected",
  "import.cancelled": "Import cancelled",
  "import.undone": "Import undone",
  "order.created": "Order placed",
  "order.appended": "Licenses added to an order",
  "order.deleted": "Order deleted",
  "license.updated": "License changed",
  "license.deleted": "License deleted",
  "customer.created": "Customer created",
  "customer.updated": "Customer changed",
};
/** @type {FilterField[]} */
const FIELDS = [{ name: "type", label: "Type", options: [["", "All"], ...Object.entries(TEXTS)] }];
const ACTORS = { s3: "File in the bucket", sweeper: "Keywright" };

/** @param {{ query: PageQuery }} props */
export function Activity({ query }) {
  const events = useLoad(
    (signal) => api.get("events/", { ...query, limit: LIMIT }, { signal }),
    [JSON.stringify(query)],
  );
  return html`<${Page} title="Activity" lead="What happened in the last 90 days, newest first">
    <${Filters} path="activity" fields=${FIELDS} query=${query} action="Filter activity" />
    <${Loaded} from=${events} rows=${8}>
      ${(/** @type {Answer<"get", "events/">} */ page) =>
        page.results.length
          ? html`<${Table} caption="Events" columns=${COLUMNS} rows=${page.results}
            busy=${events.loading} /><${Pager} page=${page} path="activity" query=${query}
            limit=${LIMIT} nouns=${["event"]} />`
          : html`<${Empty} icon="clock" title="Nothing yet">
            <p>Orders, imports, and changes of licenses and customers appear here some seconds
              later.</p><//>`}
    <//>
  <//>`;
}

/** @type {(event: KeywrightEvent) => string} */
const actorOf = ({ actor: { kind, name } }) =>
  kind === "api_key" ? name || "API key" : ACTORS[kind];

/** @type {Column<KeywrightEvent>[]} */
const COLUMNS = [
  {
    head: "What",
    cell: (event) => html`${TEXTS[event.type]}
      <small class="narrow soft">${formatTime(event.time)}, ${actorOf(event)}</small>`,
  },
  { head: "Record", cell: (event) => recordOf(event) },
  {
    head: "By",
    kind: "mid",
    cell: (event) =>
      html`${actorOf(event)}${
        event.actor.prefix && html` <small class="soft"><code>${event.actor.prefix}</code></small>`
      }`,
  },
  { head: "Time", kind: "mid", cell: ({ time }) => formatTime(time) },
];

/** @type {(event: KeywrightEvent) => Children} */
function recordOf({ type, data }) {
  const [kind, change] = type.split(".");
  if (kind === "import")
    return html`<a href=${link(`imports/${data.kind}/${data.import_id}`)}>Import ${data.import_id}</a>`;
  const id = data[`${kind}_id`];
  const text = `${kind[0].toUpperCase()}${kind.slice(1)} ${id}`;
  if (change === "deleted") return text;
  const licenses = kind === "order" && `, ${formatCount(Number(data.licenses), "license")}`;
  return html`<a href=${link(`${kind}s/${id}`)}>${text}</a>${licenses}`;
}
