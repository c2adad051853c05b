import { dirname, join } from "node:path";
import { AppError, isAppError, messageOf } from "../../foundation/errors.ts";
import type { UnitOption } from "../model.ts";
import { mangleUnitName, unitNameInfo, validateUnitName } from "../unit/name.ts";
import { parseUnitFile } from "../unit/parse.ts";
import { unrecognisedRequirements } from "../unit/requirements.ts";
import { hashUnit } from "../unit/serialize.ts";
import { validateOptions } from "../unit/validate.ts";
import type { ApiUnit } from "../api/client.ts";
import { inBatches } from "./batches.ts";
import type { Call } from "./command.ts";
import { isOn } from "./command.ts";
import { waitForUnits, waitLimit } from "./wait.ts";

/** In which desired states `--replace` may overwrite a unit. */
const replaceable: Readonly<Record<string, readonly string[]>> = {
  submit: ["inactive"],
  load: ["inactive", "loaded"],
  start: ["inactive", "loaded", "launched"],
};

/**
 * Makes sure that each unit is in the registry: found there, or submitted from its local file, from its template in
 * the registry or from a local template. Gives their names. Throws when one is nowhere or is not valid.
 */
export async function resolveUnits(call: Call): Promise<readonly string[]> {
  const known = await knownUnits(call);
  const paths = new Map(call.args.toReversed().map((path) => [mangleUnitName(path), path]));
  const names = [...paths.keys()].toReversed();
  const written = await inBatches(names, async (name) => {
    const path = paths.get(name) ?? name;
    const existing = await known(name);
    return existing === undefined ? await create(call, name, path) : await compare(call, existing, path);
  });
  const created = names.filter((_, index) => written[index]);
  const lost = await waitForUnits(call, {
    names: created,
    state: "inactive",
    systemd: "absent",
    within: waitLimit(call),
  });
  if (lost.length > 0) throw new AppError("E_TIMEOUT", `not in the registry yet: ${lost.join(", ")}`);
  return names;
}

/** For many arguments one listing is cheaper than a question for each. */
async function knownUnits(call: Call): Promise<(name: string) => Promise<ApiUnit | undefined>> {
  const fleet = await call.fleet();
  if (call.args.length <= 8) return async (name) => await fleet.unit(name);
  const units = new Map((await fleet.units()).map((unit) => [unit.name, unit]));
  return async (name) => units.get(name);
}

async function create(call: Call, name: string, path: string): Promise<boolean> {
  const options = (await localOptions(call, path)) ?? (await templateOptions(call, name, path));
  if (options === undefined) {
    throw new AppError("E_UNIT_INVALID", `unable to find Unit(${name}) in Registry or on filesystem`);
  }
  await put(call, name, options);
  return true;
}

async function put(call: Call, name: string, options: readonly UnitOption[]): Promise<void> {
  const problem = validateUnitName(name) ?? validateOptions(options);
  if (problem !== undefined) throw new AppError("E_UNIT_INVALID", problem);
  for (const key of unrecognisedRequirements(options)) {
    call.err(`WARN Unit ${name}: unrecognized requirement in [X-Fleet] section: "${key}"`);
  }
  try {
    await (await call.fleet()).putUnit(name, options, "inactive");
  } catch (error) {
    throw new AppError("E_FLEET_API", `failed creating unit ${name}: ${messageOf(error)}`, {
      cause: error,
      ...(isAppError(error) && error.hint !== undefined ? { hint: error.hint } : {}),
    });
  }
}

/** What a unit file on disk says; undefined when there is none. */
async function localOptions(call: Call, path: string): Promise<readonly UnitOption[] | undefined> {
  const text = await call.world.readFile(path);
  if (text === undefined) return undefined;
  const parsed = parseUnitFile(text);
  if (parsed.ok) return parsed.options;
  const { line, message } = parsed.problem;
  throw new AppError("E_UNIT_INVALID", `failed getting Unit(${path}) from file: ${message}`, {
    details: [`${path}:${line}`],
  });
}

async function templateOptions(
  call: Call,
  name: string,
  path: string,
): Promise<readonly UnitOption[] | undefined> {
  const info = unitNameInfo(name);
  if (info?.kind !== "instance" || info.template === undefined) return undefined;
  const registered = await (await call.fleet()).unit(info.template);
  if (registered !== undefined) return registered.options;
  const local = await localOptions(call, join(dirname(path), info.template));
  if (local !== undefined) return local;
  throw new AppError(
    "E_UNIT_INVALID",
    `failed getting Unit(${path}) from template: unable to find template Unit(${info.template}) in Registry or on filesystem`,
  );
}

/** Compares a unit of the registry with the local file; true when it was replaced. */
async function compare(call: Call, existing: ApiUnit, path: string): Promise<boolean> {
  const local = await localFileFor(call, existing.name, path);
  const replace = isOn(call.options, "replace");
  if (local === undefined) return false;
  if (hashUnit(local.options) === hashUnit(existing.options)) {
    if (replace) call.out(`Found same Unit(${existing.name}) in Registry, nothing to do`);
    return false;
  }
  if (!replace) {
    const kind = local.template ? "local template unit file" : "local unit file";
    call.err(
      `WARNING: Unit ${existing.name} in registry differs from ${kind} ${local.path}. Add --replace to override.`,
    );
    return false;
  }
  if (!(replaceable[call.command] ?? []).includes(existing.desiredState)) {
    call.err(
      `Warning: can not replace Unit(${existing.name}) in state '${existing.desiredState}', use the appropriate command`,
    );
    return false;
  }
  await put(call, existing.name, local.options);
  return true;
}

interface LocalFile {
  readonly path: string;
  readonly options: readonly UnitOption[];
  readonly template: boolean;
}

async function localFileFor(call: Call, name: string, path: string): Promise<LocalFile | undefined> {
  const own = await localOptions(call, path);
  if (own !== undefined) return { path, options: own, template: false };
  const { template } = unitNameInfo(name) ?? {};
  if (template === undefined) return undefined;
  const templatePath = join(dirname(path), template);
  const options = await localOptions(call, templatePath);
  return options === undefined ? undefined : { path: templatePath, options, template: true };
}
