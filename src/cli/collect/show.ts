import { table } from "../show/table.ts";
import type { Bundle } from "./collect.ts";
import type { Item, Missing } from "./plan.ts";

/** What `collect --dry-run` prints. */
export function showPlan(
  path: string,
  items: readonly Pick<Item, "name" | "reason">[],
  missing: readonly Missing[],
): string {
  const rows = items.map(({ name, reason }) => [`  ${name}`, reason]);
  return `collect would write ${path} with this:\n${table(rows)}${showMissing(missing)}`;
}

/** What `collect` prints when the bundle is there. */
export function showBundle({ path, bytes, files, missing }: Bundle): string {
  const rows = files.map(({ name, reason, bytes: size }) => [`  ${name}`, showSize(size), reason]);
  return [
    `${path} (${showSize(bytes)})\n`,
    table(rows),
    showMissing(missing),
    "Passwords, keys and tokens are replaced by ***, as far as they are known or look like some. Names, addresses and what\n",
    "your services print are not: look at it before you send it, with 'tar -xzf'. Nobody but you can read the file.\n",
  ].join("");
}

/** Whatever is missing, and why. */
function showMissing(missing: readonly Missing[]): string {
  if (missing.length === 0) return "";
  return `not in it:\n${missing.map(({ what, why }) => `  ${what}: ${why}\n`).join("")}`;
}

/** `12 kB`, rounded up. */
function showSize(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.ceil(bytes / 1_000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
