import type { Variable } from "./proxy.ts";
import { renderTemplate } from "./templates.ts";

/** One entry of a cloud-config's coreos.units. */
export interface CloudUnit {
  readonly name: string;
  /** In /run rather than /etc: gone with the next boot, when cloudinit writes it again if it is still wanted. */
  readonly runtime?: true;
  readonly enable?: true;
  readonly command?: "start" | "restart";
  readonly content?: string;
  readonly drop_ins?: readonly DropIn[];
}

export interface DropIn {
  readonly name: string;
  readonly content: string;
}

/** A cloud-config's settings as the variables of the program that they are for. */
export function variablesOf(prefix: string, settings: Readonly<Record<string, string | number>>): Variable[] {
  return Object.entries(settings).map(([key, value]) => ({
    name: prefix + key.toUpperCase(),
    value: String(value),
  }));
}

/** A drop-in that sets these variables. */
export function dropIn(name: string, variables: readonly Variable[]): DropIn {
  return { name, content: renderTemplate("user-data/environment.conf.hbs", { variables }) };
}
