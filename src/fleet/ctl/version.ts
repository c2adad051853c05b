import { mangleUnitName } from "../unit/name.ts";
import { parseUnitFile } from "../unit/parse.ts";
import type { Call } from "./command.ts";
import { warn } from "./warn.ts";

/** `fleetctl version`. */
export async function version({ out, world }: Call): Promise<number> {
  out(`fleetctl version ${world.version}`);
  return 0;
}

/** `fleetctl verify`: kept so that scripts see why it no longer works. Of a local file it says what is odd. */
export async function verify(call: Call): Promise<number> {
  call.err("WARNING: The signed/verified units feature is DEPRECATED and cannot be used.");
  for (const path of call.args) {
    const parsed = parseUnitFile((await call.world.readFile(path)) ?? "");
    if (parsed.ok) warn(call, { name: mangleUnitName(path), options: parsed.options });
  }
  return 2;
}
