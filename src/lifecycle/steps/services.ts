import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { AppError } from "../../foundation/errors.ts";
import { parseUnitFile } from "../../fleet/unit/parse.ts";
import type { UnitOption } from "../../fleet/model.ts";

/** A unit file that cluster.yaml names under `services`. */
export interface Service {
  /** The unit's name: the file's. */
  readonly unit: string;
  readonly path: string;
  readonly options: readonly UnitOption[];
  /** SHA-256 of the file. */
  readonly hash: string;
}

/**
 * Reads the unit files (relative to `dir`). All problems are reported at once.
 * @throws E_CONFIG_INVALID for files that are not there, E_UNIT_INVALID for those that do not parse
 */
export async function readServices(dir: string, files: readonly string[]): Promise<readonly Service[]> {
  const problems: { readonly code: "E_CONFIG_INVALID" | "E_UNIT_INVALID"; readonly line: string }[] = [];
  const services: Service[] = [];
  for (const file of files) {
    const path = join(dir, file);
    const text = await readFile(path, "utf8").catch(() => undefined);
    if (text === undefined) {
      problems.push({ code: "E_CONFIG_INVALID", line: `${path}: there is no such file` });
      continue;
    }
    const parsed = parseUnitFile(text);
    if (parsed.ok) {
      const hash = createHash("sha256").update(text).digest("hex");
      services.push({ unit: basename(file), path, options: parsed.options, hash });
    } else {
      problems.push({
        code: "E_UNIT_INVALID",
        line: `${path}:${parsed.problem.line}: ${parsed.problem.message}`,
      });
    }
  }
  const first = problems[0];
  if (first === undefined) return services;
  throw new AppError(
    first.code,
    `${problems.length === 1 ? "a service file is" : "service files are"} not usable`,
    {
      details: problems.map(({ line }) => line),
      hint: "mend the file, or take it out of 'services:' in cluster.yaml",
    },
  );
}

/** The units whose files are new or have changed since they were submitted. */
export function changedServices(
  services: readonly Service[],
  submitted: Readonly<Record<string, string>>,
): readonly string[] {
  return services.filter(({ unit, hash }) => submitted[unit] !== hash).map(({ unit }) => unit);
}
