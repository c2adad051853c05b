/** A unit's name, taken apart. */
export interface UnitNameInfo {
  /** `foo@bar.service`. */
  readonly full: string;
  /** Without its type: `foo@bar`. */
  readonly name: string;
  /** What stands before the first `@`: `foo`. */
  readonly prefix: string;
  /** With its dot: `.service`. */
  readonly suffix: string;
  /** `plain` has no `@`; a `template` has nothing after it; an `instance` was made from a template. */
  readonly kind: "plain" | "template" | "instance";
  /** The template's name, `foo@.service`; undefined when there is no `@`. */
  readonly template: string | undefined;
  /** `bar`; undefined unless this is an instance. */
  readonly instance: string | undefined;
}

const clientTypes = [".service", ".socket", ".timer", ".path", ".device", ".mount", ".automount"];
const knownTypes = new Set(
  "automount busname device mount path scope service slice snapshot socket swap target timer".split(" "),
);
const templateTypes = new Set(["path", "service", "socket", "target", "timer"]);
const maxNameBytes = 256;

/** Undefined when the name has no dot, and so is no unit's name. */
export function unitNameInfo(full: string): UnitNameInfo | undefined {
  const dot = full.lastIndexOf(".");
  if (dot < 0) return undefined;
  const [name, suffix] = [full.slice(0, dot), full.slice(dot)];
  const at = name.indexOf("@");
  if (at < 0) {
    return { full, name, prefix: name, suffix, kind: "plain", template: undefined, instance: undefined };
  }
  const prefix = name.slice(0, at);
  const instance = name.slice(at + 1) || undefined;
  const kind = instance === undefined ? "template" : "instance";
  return { full, name, prefix, suffix, kind, template: `${prefix}@${suffix}`, instance };
}

/** Whether the name is a template's (`foo@.service`), which is never scheduled itself. */
export function isTemplateName(full: string): boolean {
  return unitNameInfo(full)?.kind === "template";
}

/** Whether the name ends in a type that fleet's client and agent handle. */
export function isRecognisedUnitType(full: string): boolean {
  return clientTypes.some((type) => full.endsWith(type));
}

/** The unit that a user means by an argument: a path's last part, with `.service` when it has no type. */
export function mangleUnitName(argument: string): string {
  const base = argument.replace(/\/+$/, "").split("/").at(-1) ?? "";
  if (base === "" || isRecognisedUnitType(base)) return base;
  return `${base}.service`;
}

/** What is wrong with a unit's name, in fleet's words; undefined when nothing is. */
export function validateUnitName(name: string): string | undefined {
  if (name === "") return "unit name cannot be empty";
  if (Buffer.byteLength(name) > maxNameBytes) return `unit name exceeds maximum length (${maxNameBytes})`;
  const dot = name.lastIndexOf(".");
  if (dot < 0) return 'unit name must contain "."';
  const type = name.slice(dot + 1);
  if (type === "") return 'unit name cannot end in "."';
  if (!knownTypes.has(type)) return `invalid unit type: "${type}"`;
  if (name.includes("@") && !templateTypes.has(type)) return `invalid unit type for template: "${type}"`;
  const odd = /[^A-Za-z0-9:_.\\@-]/u.exec(name.slice(0, dot))?.[0];
  if (odd !== undefined) return `invalid character '${odd}' in unit name`;
  return name.startsWith("@") ? 'unit name cannot start in "@"' : undefined;
}
