import { dirname, join } from "node:path";
import { AppError, isAppError, messageOf } from "../../foundation/errors.ts";
import type { DesiredState, Unit, UnitOption } from "../model.ts";
import { isTemplateName, mangleUnitName, unitNameInfo, validateUnitName } from "../unit/name.ts";
import { parseUnitFile } from "../unit/parse.ts";
import { isGlobal } from "../unit/requirements.ts";
import { hashUnit } from "../unit/serialize.ts";
import { validateOptions } from "../unit/validate.ts";
import type { ApiUnit, FleetClient } from "../api/client.ts";
import { inBatches } from "./batches.ts";
import type { Call } from "./command.ts";
import { isOn } from "./command.ts";
import { knownUnits } from "./known-units.ts";
import { warn } from "./warn.ts";

/** In which desired states `--replace` may overwrite a unit. */
const replaceable: Readonly<Record<string, readonly string[]>> = {
  submit: ["inactive"],
  load: ["inactive", "loaded"],
  start: ["inactive", "loaded", "launched"],
};

/** A unit that is in the registry for sure. */
export interface Resolved {
  /** As it was before anything was asked of it. */
  readonly unit: ApiUnit;
  /** The desired state that the command wants was given along when it was created. */
  readonly asked: boolean;
  /** What `--replace` shall make of it, which is valid and not asked for yet. */
  readonly replacement: readonly UnitOption[] | undefined;
}

interface Resolution {
  readonly call: Call;
  readonly fleet: FleetClient;
  /** For units that are created. */
  readonly desired: DesiredState;
  /** The options of a template of the registry, asked for once. */
  readonly template: (name: string) => Promise<readonly UnitOption[] | undefined>;
}

/**
 * Makes sure that each unit is in the registry: found there, or created from its local file, from its template in the
 * registry or from a local template. Throws when one is nowhere or is not valid; then none was created. Replaces none.
 */
export async function resolveUnits(
  call: Call,
  desired: DesiredState = "inactive",
): Promise<readonly Resolved[]> {
  const fleet = await call.fleet();
  const resolution = { call, fleet, desired, template: templatesOf(fleet) };
  const paths = new Map(call.args.toReversed().map((path) => [mangleUnitName(path), path]));
  const names = [...paths.keys()].toReversed();
  const known = await knownUnits(fleet, names.length);
  const plans = await inBatches(names, async (name) => {
    const path = paths.get(name) ?? name;
    const existing = await known(name);
    const options = await (existing
      ? replacementFor(call, existing, path)
      : newOptions(resolution, name, path));
    return { existing, name, options };
  });
  return await inBatches(plans, async ({ name, existing, options }): Promise<Resolved> => {
    if (existing === undefined) return await create(resolution, name, options ?? []);
    return { unit: existing, asked: false, replacement: options };
  });
}

function templatesOf(fleet: FleetClient): Resolution["template"] {
  const asked = new Map<string, Promise<readonly UnitOption[] | undefined>>();
  return (name) => {
    const answer = asked.get(name) ?? fleet.unit(name).then((unit) => unit?.options);
    asked.set(name, answer);
    return answer;
  };
}

/** Valid options for a unit that is not in the registry; complains of what is only odd. */
async function newOptions(
  resolution: Resolution,
  name: string,
  path: string,
): Promise<readonly UnitOption[]> {
  const { call } = resolution;
  const options = (await localOptions(call, path)) ?? (await templateOptions(resolution, name, path));
  if (options === undefined) {
    throw new AppError("E_UNIT_INVALID", `unable to find Unit(${name}) in Registry or on filesystem`);
  }
  check(call, name, options);
  return options;
}

/** A template is never more than submitted, whatever the command wants: that is refused when it is asked for. */
async function create(
  { call, fleet, desired }: Resolution,
  name: string,
  options: readonly UnitOption[],
): Promise<Resolved> {
  const template = isTemplateName(name);
  await putUnit(fleet, { name, options, desired: template ? "inactive" : desired });
  const global = isGlobal({ name, options });
  if (!global) call.out(`Unit ${name} inactive`);
  const before = { desiredState: "inactive", currentState: global ? "" : "inactive", machineID: "" } as const;
  const unit = { name, options, ...before, refusal: undefined };
  return { unit, asked: !template, replacement: undefined };
}

/** Throws when the unit is not valid; says what is only odd about it. */
function check(call: Call, name: string, options: readonly UnitOption[]): void {
  const problem = validateUnitName(name) ?? validateOptions(options);
  if (problem !== undefined) throw new AppError("E_UNIT_INVALID", problem);
  warn(call, { name, options });
}

/** Creates the unit, or replaces it. Throws with fleetctl's words. */
export async function putUnit(fleet: FleetClient, unit: Unit): Promise<void> {
  const { name, options, desired } = unit;
  try {
    await fleet.putUnit(name, options, desired);
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
  { call, template }: Resolution,
  name: string,
  path: string,
): Promise<readonly UnitOption[] | undefined> {
  const info = unitNameInfo(name);
  if (info?.kind !== "instance" || info.template === undefined) return undefined;
  const registered = await template(info.template);
  if (registered !== undefined) return registered;
  const local = await localOptions(call, join(dirname(path), info.template));
  if (local !== undefined) return local;
  throw new AppError(
    "E_UNIT_INVALID",
    `failed getting Unit(${path}) from template: unable to find template Unit(${info.template}) in Registry or on filesystem`,
  );
}

/** Compares a unit of the registry with the local file; the file's options when they shall and may replace the unit's. */
async function replacementFor(
  call: Call,
  existing: ApiUnit,
  path: string,
): Promise<readonly UnitOption[] | undefined> {
  const local = await localFileFor(call, existing.name, path);
  const replace = isOn(call.options, "replace");
  if (local === undefined) return undefined;
  if (hashUnit(local.options) === hashUnit(existing.options)) {
    if (replace) call.out(`Found same Unit(${existing.name}) in Registry, nothing to do`);
    return undefined;
  }
  if (!replace) {
    const kind = local.template ? "local template unit file" : "local unit file";
    call.err(
      `WARNING: Unit ${existing.name} in registry differs from ${kind} ${local.path}. Add --replace to override.`,
    );
    return undefined;
  }
  if (!(replaceable[call.command] ?? []).includes(existing.desiredState)) {
    call.err(
      `Warning: can not replace Unit(${existing.name}) in state '${existing.desiredState}', use the appropriate command`,
    );
    return undefined;
  }
  check(call, existing.name, local.options);
  return local.options;
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
