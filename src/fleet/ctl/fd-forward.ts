import { connect } from "node:net";
import { pipeline } from "node:stream/promises";
import { messageOf } from "../../foundation/errors.ts";
import type { Call } from "./command.ts";

/** `fleetctl fd-forward SOCKET`: the far end of a tunnel to a unix socket. */
export async function fdForward({ args, world, err }: Call): Promise<number> {
  const [path] = args;
  if (path === undefined || args.length > 1) {
    err("One socket path must be provided");
    return 1;
  }
  const socket = connect({ path: path.replace(/^unix:\/\//, ""), allowHalfOpen: true });
  try {
    await Promise.all([pipeline(world.stdin, socket), pipeline(socket, world.stdout, { end: false })]);
    return 0;
  } catch (error) {
    err(`Unable to forward ${path}: ${messageOf(error)}`);
    return 1;
  }
}
