import { messageOf } from "../../foundation/errors.ts";
import type { FleetClient } from "../api/client.ts";
import type { Call } from "./command.ts";
import { isOn, textOf } from "./command.ts";
import { sayMore } from "./complain.ts";
import { formatTable } from "./table.ts";

/** What a listing shows of one item: a cell for each field's name. */
export type Cells<Item> = Readonly<Record<string, (item: Item) => string>>;

export interface Listing<Item> {
  readonly cells: Cells<Item>;
  readonly standardFields: string;
  readonly load: (fleet: FleetClient) => Promise<readonly Item[]>;
  /** The item as `--json` shows it. */
  readonly json: (item: Item) => object;
  /** The lines for standard error when loading fails. */
  readonly failure: (message: string) => readonly string[];
}

/** Prints a table (or JSON) as the options ask for it. */
export async function printListing<Item>(call: Call, listing: Listing<Item>): Promise<number> {
  const { options, out, err, world } = call;
  const fields = textOf(options, "fields", listing.standardFields).split(",");
  const problem = problemOf(fields, listing.cells);
  if (problem !== undefined) {
    err(problem);
    return 1;
  }
  const fleet = await call.fleet();
  let items: readonly Item[];
  try {
    items = await listing.load(fleet);
  } catch (error) {
    for (const line of listing.failure(messageOf(error))) err(line);
    sayMore(call, error);
    return 1;
  }
  if (isOn(options, "json")) {
    out(JSON.stringify(items.map(listing.json), undefined, 2));
    return 0;
  }
  const header = isOn(options, "no-legend") ? [] : [fields.map((field) => field.toUpperCase())];
  const rows = items.map((item) => fields.map((field) => listing.cells[field]?.(item) ?? ""));
  world.stdout.write(formatTable([...header, ...rows]));
  return 0;
}

function problemOf(fields: readonly string[], cells: Readonly<Record<string, unknown>>): string | undefined {
  if (fields.join("") === "") return "Must define output format";
  const unknown = fields.find((field) => !Object.hasOwn(cells, field));
  return unknown === undefined ? undefined : `Invalid key in output format: "${unknown}"`;
}

/** An empty value as tables show it. */
export function orDash(value: string): string {
  return value === "" ? "-" : value;
}
