import { inBatches } from "./batches.ts";
import type { Call } from "./command.ts";
import { complain } from "./complain.ts";
import { existingUnits } from "./deactivate.ts";
import { doesNotWait, waitUntilGone } from "./wait.ts";

/** `fleetctl destroy`: out of the registry, and stopped where it ran. */
export async function destroy(call: Call): Promise<number> {
  const fleet = await call.fleet();
  const deleted: string[] = [];
  let code = 0;
  await inBatches(await existingUnits(call), async ({ name }) => {
    try {
      if (await fleet.deleteUnit(name)) deleted.push(name);
    } catch (error) {
      complain(call, "Error destroying units", error);
      code = 1;
    }
  });
  if (doesNotWait(call)) {
    for (const name of deleted) call.out(`Destroyed ${name}`);
    return code;
  }
  if (deleted.length === 0) return code;
  try {
    await waitUntilGone(call, deleted, (name) => call.out(`Destroyed ${name}`));
  } catch (error) {
    complain(call, "Error destroying units", error);
    return 1;
  }
  return code;
}
