// Home: orders and licenses per day, imports that run or need attention, and licenses that end soon.

/** @import { Answer, Import, License } from "../api/types.ts" */
/** @import { Children, Column } from "../parts/types.ts" */
import * as api from "../api/api.js";
import { LinkButton } from "../parts/buttons.js";
import { formatDay, formatNumber, formatTime } from "../parts/formats.js";
import { html } from "../parts/html.js";
import { useLoad } from "../api/load.js";
import { ImportStatus, isChanging } from "../imports/import_states.js";
import { Loaded, Page, Table } from "../parts/parts.js";
import { CustomerLink, LicenseHolder } from "./records.js";
import { ENDING, endsWithin } from "./licenses.js";
import { link } from "../parts/route.js";

/** @typedef {Answer<"get", "statistics/">["days"]} Days */
/** @typedef {Answer<"get", "licenses/">} LicensesPage */
/** @typedef {"orders" | "licenses"} Counted */

const SHOWN = 5;
const NEWEST = 20;
const PROBLEMS = ["failed", "rejected", "completed_with_errors"];
/** The size of a chart: a bar has 7 of the 10 units of its day. */
const [STEP, BAR, HEIGHT] = [10, 7, 60];

export function Home() {
  const days = useLoad((signal) => api.get("statistics/", {}, { signal }));
  const imports = useLoad((signal) => api.get("imports/", { limit: NEWEST }, { signal }));
  const ending = useLoad((signal) =>
    api.get("licenses/", { ...endsWithin(ENDING), limit: SHOWN }, { signal }),
  );
  return html`<${Page} title="Home" actions=${html`<${LinkButton} scope="orders:write"
    to=${link("orders/new")} icon="plus">New order<//>`}>
    <div class="home">
      <${Card} title="Orders" to="orders"><${Loaded} from=${days}>${(
        /** @type {{ days: Days }} */ value,
      ) => html`<${PerDay} days=${value.days} what="orders" />`}<//><//>
      <${Card} title="Licenses" to="licenses"><${Loaded} from=${days}>${(
        /** @type {{ days: Days }} */ value,
      ) => html`<${PerDay} days=${value.days} what="licenses" />`}<//><//>
      <${Card} title="Imports" to="imports/licenses"><${Loaded} from=${imports}>${(
        /** @type {{ results: Import[] }} */ page,
      ) => html`<${Imports} jobs=${page.results} />`}<//><//>
      <${Card} title="Licenses ending within ${ENDING} days" to="licenses" query=${{ show: "ending" }}>
        <${Loaded} from=${ending}>${(/** @type {LicensesPage} */ page) => html`<${Ending} page=${page} />`}<//><//>
    </div>
  <//>`;
}

/** @param {{ title: string, to: string, query?: object, children: Children }} props */
const Card = ({ title, to, query, children }) => html`<section class="card">
  <div class="row apart heading"><h2>${title}</h2><a href=${link(to, query)}
    aria-label="Show all: ${title}">Show all</a></div>
  ${children}
</section>`;

/** @param {{ days: Days, what: Counted }} props */
function PerDay({ days, what }) {
  if (!days.length)
    return html`<p class="soft">Too many ${what} to add up here. Filter the list by day instead.</p>`;
  const sum = days.reduce((total, day) => total + day[what], 0);
  const peak = days.reduce((most, day) => (day[what] > most[what] ? day : most));
  const text = `${formatNumber(sum)} ${what} in ${days.length} days${
    sum ? `, most on ${formatDay(peak.day)}: ${formatNumber(peak[what])}` : ""
  }`;
  return html`<p><span class="figure">${formatNumber(sum)}</span> <span
      class="soft">in ${days.length} days, ${formatNumber(days[days.length - 1][what])} today (UTC)</span></p>
    <svg class="chart" role="img" aria-label=${text} preserveAspectRatio="none"
      viewBox="0 0 ${days.length * STEP} ${HEIGHT + 1}">
      <rect class="base" x="0" y=${HEIGHT} width=${days.length * STEP} height="1" />
      ${days.map((day, at) => {
        const height = sum ? (day[what] / peak[what]) * HEIGHT : 0;
        return html`<rect key=${day.day} x=${at * STEP} y=${HEIGHT - height} width=${BAR}
          height=${height}><title>${formatDay(day.day)}: ${formatNumber(day[what])}</title></rect>`;
      })}
    </svg>
    <details><summary>Show as a table</summary>
      <${Table} caption="${what === "orders" ? "Orders" : "Licenses"} per day" rows=${days.toReversed()}
        columns=${[
          {
            head: "Day",
            cell: (/** @type {Days[number]} */ { day }) =>
              html`<a href=${link(what, { from: day, to: day })}>${formatDay(day)}</a>`,
          },
          {
            head: what === "orders" ? "Orders" : "Licenses",
            kind: "number",
            cell: (/** @type {Days[number]} */ day) => formatNumber(day[what]),
          },
        ]} />
    </details>`;
}

/** @type {(job: Import) => string} */
const addressOf = ({ kind, id }) => link(`imports/${kind}/${id}`);

/** @type {Column<Import>[]} */
const IMPORTS = [
  {
    head: "Import",
    cell: (job) => html`<a href=${addressOf(job)}>${job.id}</a> ${job.file_name ?? ""}`,
  },
  { head: "State", cell: (job) => html`<${ImportStatus} job=${job} />` },
];

/** @param {{ jobs: Import[] }} props */
function Imports({ jobs }) {
  const running = jobs.filter(isChanging);
  const problems = jobs.filter(
    (job) => PROBLEMS.includes(job.state) && !job.corrections.length && !job.undone_by,
  );
  const shown = [...running, ...problems].slice(0, SHOWN);
  if (!jobs.length)
    return html`<p class="soft">No imports yet. <a href=${link("imports/licenses/new")}>Import
      licenses</a> from a file.</p>`;
  return html`<p>${formatNumber(running.length)} running, ${formatNumber(problems.length)} ${
    problems.length === 1 ? "needs" : "need"
  } attention ${jobs.length === NEWEST && html`<span class="soft">of the newest ${NEWEST}</span>`}</p>
    ${
      shown.length > 0 &&
      html`<${Table} caption="Imports" columns=${IMPORTS} rows=${shown} to=${addressOf} />`
    }`;
}

/** @type {Column<License>[]} */
const LICENSES = [
  {
    head: "License",
    cell: (license) =>
      html`<a href=${link(`licenses/${license.id}`)}>${license.product.product_name}</a>
        <small><${LicenseHolder} license=${license} /></small>`,
  },
  {
    head: "Customer",
    kind: "mid",
    cell: ({ customer }) => (customer ? html`<${CustomerLink} customer=${customer} />` : "–"),
  },
  { head: "Ends", cell: ({ validity_period: end }) => formatTime(end) },
];

/** @param {{ page: LicensesPage }} props */
const Ending = ({ page: { results } }) =>
  results.length
    ? html`<${Table} caption="Licenses ending soon" columns=${LICENSES} rows=${results}
      to=${(/** @type {License} */ { id }) => link(`licenses/${id}`)} />`
    : html`<p class="soft">None. Licenses with a fixed end date appear here before they end.</p>`;
