import type { DesiredState, Unit, UnitOption } from "../model.ts";
import { isTemplateName, validateUnitName } from "../unit/name.ts";
import { hashUnit } from "../unit/serialize.ts";
import { validateOptions } from "../unit/validate.ts";

/** What the body of a PUT says of a unit. */
export interface UnitBody {
  readonly name: string;
  /** As it was sent: not checked yet. Empty when it was not. */
  readonly desiredState: string;
  readonly options: readonly UnitOption[];
}

/** A request that cannot be fulfilled: HTTP status and fleet's words. */
export interface Refused {
  readonly kind: "refused";
  readonly status: 400 | 409;
  readonly message: string;
}

/** What a PUT shall do to the registry. */
export type UnitChange =
  | { readonly kind: "put"; readonly unit: Unit }
  | { readonly kind: "set"; readonly name: string; readonly desired: DesiredState };

/** Reads the JSON text of a PUT; a text says why it could not. Unknown keys are ignored. */
export function decodeUnitBody(json: string): UnitBody | string {
  let body: unknown;
  try {
    body = JSON.parse(json);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  if (!isRecord(body)) return "expected a JSON object";
  const { name = "", desiredState = "", options } = body;
  if (typeof name !== "string") return "name is not a string";
  if (typeof desiredState !== "string") return "desiredState is not a string";
  const list = options ?? [];
  if (!Array.isArray(list)) return "options is not a list";
  const read = list.map(readOption);
  const bad = read.indexOf(undefined);
  if (bad >= 0) return `options[${bad}] is not an object of the texts section, name and value`;
  return { name, desiredState, options: read.filter((option) => option !== undefined) };
}

/** Decides what a PUT to `name` means, given the unit that is there. */
export function decideUnitChange(
  name: string,
  body: UnitBody,
  existing: Unit | undefined,
): UnitChange | Refused {
  if (body.name !== "" && body.name !== name) {
    return refused(400, `name in URL "${name}" differs from unit name in request body "${body.name}"`);
  }
  const wrongName = validateUnitName(name);
  if (wrongName !== undefined) return refused(400, wrongName);
  const desired = body.desiredState === "" ? undefined : readState(body.desiredState);
  if (desired === "unknown") {
    return refused(400, `invalid desiredState "${body.desiredState}": expect inactive, loaded or launched`);
  }
  if (isTemplateName(name) && desired !== undefined && desired !== "inactive") {
    return refused(400, `cannot activate template "${name}"`);
  }
  if (existing === undefined || isNewContent(existing, body.options)) return put(name, body.options, desired);
  if (desired === undefined) return refused(409, "must provide DesiredState to update existing unit");
  return { kind: "set", name, desired };
}

function put(
  name: string,
  options: readonly UnitOption[],
  desired: DesiredState | undefined,
): UnitChange | Refused {
  if (options.length === 0) return refused(409, "unit does not exist and options field empty");
  const wrong = validateOptions(options);
  if (wrong !== undefined) return refused(400, wrong);
  return { kind: "put", unit: { name, options, desired: desired ?? "inactive" } };
}

function isNewContent(existing: Unit, options: readonly UnitOption[]): boolean {
  return options.length > 0 && hashUnit(options) !== hashUnit(existing.options);
}

function refused(status: Refused["status"], message: string): Refused {
  return { kind: "refused", status, message };
}

function readState(text: string): DesiredState | "unknown" {
  return text === "inactive" || text === "loaded" || text === "launched" ? text : "unknown";
}

function readOption(option: unknown): UnitOption | undefined {
  if (!isRecord(option)) return undefined;
  const { section = "", name = "", value = "" } = option;
  if (typeof section !== "string" || typeof name !== "string" || typeof value !== "string") return undefined;
  return { section, name, value };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
