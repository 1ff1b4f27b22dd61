// The API documents: Swagger UI with the OpenAPI document of this service.

const linked = location.hash; // before Swagger UI changes it

const dark = matchMedia("(prefers-color-scheme: dark)");
const followColorScheme = () =>
  document.documentElement.classList.toggle("dark-mode", dark.matches);
followColorScheme();
dark.addEventListener("change", followColorScheme);

const ui = SwaggerUIBundle({
  dom_id: "#swagger-ui",
  url: new URL("../openapi.json", document.baseURI).href,
  deepLinking: true,
  filter: true,
  showExtensions: true, // x-required-scope
  validatorUrl: null, // Swagger UI would send the address of this service to another host.
  requestInterceptor: completeKey,
  onComplete: () =>
    showErrors(ui.specSelectors.specJson().getIn(["components", "examples"]).toJS()),
});

/** Accept a bare API key in the Authorize dialog. */
function completeKey(request) {
  const key = request.headers.Authorization;
  if (key && !/^api-key /i.test(key)) request.headers.Authorization = `Api-Key ${key}`;
  return request;
}

/** List every error code at the address that the `type` of a Problem links to. */
function showErrors(examples) {
  const section = document.getElementById("errors");
  section.querySelector("tbody").replaceChildren(
    ...Object.entries(examples).map(([code, { summary, value }]) => {
      const row = document.createElement("tr");
      row.id = `error-${code}`;
      for (const text of [code, value.status, summary]) row.insertCell().textContent = text;
      return row;
    }),
  );
  section.hidden = false;
  if (linked.startsWith("#error-")) location.replace(linked);
}
