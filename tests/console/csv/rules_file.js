// The browser's rules, which `make console-tests` generates from the server's row models.
import { readFileSync } from "node:fs";
import { compileRules } from "../../../functions/console/static/csv/rules.js";

const file = new URL("../../../.build/console/rules.json", import.meta.url);

export const rules = compileRules(JSON.parse(readFileSync(file, "utf-8")));

/** The error that `act` throws. */
export function catchError(act) {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
