// Types of the API, from its OpenAPI document (`make lint` generates the module "openapi"). Types only:
// nothing here is in a bundle.
import type { components, paths } from "openapi";
import type { Problem } from "./api.js";

type Schemas = components["schemas"];
export type ApiKey = Schemas["OwnApiKeyView"];
export type NewApiKey = Schemas["NewApiKey"];
export type StoredApiKey = Schemas["StoredApiKey"];
export type Customer = Schemas["CustomerView"];
export type Export = Schemas["ExportView"];
export type KeywrightEvent = Schemas["Event"];
export type Feature = Schemas["FeatureView"];
export type Grant = Schemas["GrantView"];
export type SearchResult = Schemas["SearchResult"];
export type FoundCustomer = Schemas["FoundCustomer"];
export type Import = Schemas["ImportView"];
export type InvalidRow = Schemas["InvalidRow"];
export type ImportKind = Schemas["Kind"];
export type AssignRequest = Schemas["AssignRequest"];
export type License = Schemas["LicenseView"];
export type LicenseUser = Schemas["UserView"];
export type LicenseType = Schemas["LicenseType"];
export type Order = Schemas["OrderView"];
export type OrderItem = Schemas["ItemView"];
export type PlacedOrder = Schemas["PlacedOrderView"];
export type Policy = Schemas["PolicyView"];
export type Product = Schemas["ProductView"];
export type ProblemBody = Schemas["Problem"];
export type Fault = Schemas["ProblemFault"];
export type ImportRequest = Schemas["ImportRequest"];
export type OrderRequest = Schemas["OrderRequest"];
export type NewCustomer = Schemas["NewCustomer"];
export type NewFeature = Schemas["NewFeature"];
export type NewPolicy = Schemas["NewPolicy"];
export type NewProduct = Schemas["NewProduct"];
export type LicenseRequest = Schemas["LicenseRequest"];
export type OrderItemRequest = Schemas["OrderItemRequest"];
export type LicenseBrief = Schemas["LicenseBrief"];
export type PartLinks = Schemas["PartLinks"];
export type Upload = NonNullable<Schemas["StartedImport"]["upload"]>;

/** A page of a list. */
export interface Page<T> {
  count: number;
  next: string | null;
  results: T[];
}

/** What a request or an upload throws; usually a Problem. */
export type Failure = Error & Partial<Problem>;

/** The state of `useLoad`. */
export interface Loadable<T> {
  loading: boolean;
  error: Failure | null;
  value: T | null;
  reload: () => Promise<void>;
}

type Method = "get" | "post" | "patch" | "put";

/** Whether a path, such as `orders/${number}/`, fits one of the document, such as `orders/{id}/`. */
type Fits<Path, Known> = Known extends `${infer KnownPart}/${infer KnownRest}`
  ? Path extends `${infer Part}/${infer Rest}`
    ? KnownPart extends `{${string}}`
      ? Fits<Rest, KnownRest>
      : Part extends KnownPart
        ? Fits<Rest, KnownRest>
        : false
    : false
  : Path extends Known
    ? true
    : false;

/** The operation of a method at a path; never if the API has none. */
type Operation<M extends Method, Path extends string> = Path extends string
  ? {
      [Known in keyof paths]: Fits<`/api/v1/${Path}`, Known> extends true
        ? NonNullable<paths[Known][M]>
        : never;
    }[keyof paths]
  : never;

type Json<Response> = Response extends { content: { "application/json": infer Body } }
  ? Body
  : never;

/** The body of a successful response. */
export type Answer<M extends Method, Path extends string> =
  Operation<M, Path> extends { responses: infer Responses }
    ? Json<Responses[keyof Responses & (200 | 201 | 202)]>
    : never;

/** The body of a request, or undefined. */
export type Body<M extends Method, Path extends string> =
  Operation<M, Path> extends { requestBody: { content: { "application/json": infer Body } } }
    ? Body
    : undefined;

/** Query parameters by name; the values may be from the address of a page. */
export type Query<Path extends string> =
  Operation<"get", Path> extends { parameters: { query?: infer Known } }
    ? [Known] extends [object]
      ? { [Name in keyof Known]?: string | number | boolean | null }
      : Record<string, never>
    : never;

/** A request from a form: it has the names of the API, but values as they were typed. */
export type Draft<Request> = { [Name in keyof Request]?: unknown };
