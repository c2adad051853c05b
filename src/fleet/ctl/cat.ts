import { mangleUnitName } from "../unit/name.ts";
import { serializeUnit } from "../unit/serialize.ts";
import type { Call } from "./command.ts";
import { complain } from "./complain.ts";

/** `fleetctl cat`. */
export async function cat(call: Call): Promise<number> {
  const { args, world, err } = call;
  const [argument] = args;
  if (argument === undefined || args.length > 1) {
    err("One unit file must be provided");
    return 1;
  }
  const name = mangleUnitName(argument);
  const fleet = await call.fleet();
  try {
    const unit = await fleet.unit(name);
    if (unit === undefined) {
      err(`Unit ${name} not found`);
      return 1;
    }
    world.stdout.write(serializeUnit(unit.options));
    return 0;
  } catch (error) {
    complain(call, `Error retrieving Unit ${name}`, error);
    return 1;
  }
}
