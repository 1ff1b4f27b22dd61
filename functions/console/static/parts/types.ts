// Types of the building blocks of pages. Types only: nothing here is in a bundle.
import type { ComponentChildren } from "preact";

export type Children = ComponentChildren;

/** The query of a page's address, and of a list's filters. */
export type PageQuery = Record<string, string>;

/** An option of a select. */
export type Option = [value: string, text: string];

export interface Link {
  href: string;
  text: string;
}

export type NoticeKind = "error" | "warning" | "success" | "info";
export type Tone = "good" | "bad" | "warn" | "busy" | "wait" | "off";

/** A column of a table, see `Table`. */
export interface Column<Row> {
  head: Children;
  cell: (row: Row) => unknown;
  kind?: "mid" | "number" | "code" | "long" | "line";
  wide?: boolean;
}
