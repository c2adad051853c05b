import { basename, join } from "node:path";
import { AppError, messageOf } from "../../foundation/errors.ts";
import { lastLines, shellQuote } from "../../foundation/exec.ts";
import { capture } from "../../foundation/ssh.ts";
import type { SshConnection } from "../../foundation/ssh.ts";

/**
 * Starts a scenario's services through one machine. `files` are unit files in the cluster's folder `dir`, or names of units.
 * @throws E_CHECK_FAILED
 */
export async function startServices(
  connection: SshConnection,
  dir: string,
  files: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const folder = (await capture(connection, "mktemp -d", { signal })).stdout.trim();
  // Without a slash it is no file of the cluster's folder but the name of a unit.
  const units = files.map((file) => (file.includes("/") ? `${folder}/${basename(file)}` : file));
  try {
    for (const [index, file] of files.entries()) {
      if (file.includes("/")) await connection.upload(join(dir, file), units[index] ?? "");
    }
    const command = `/opt/bin/fleetctl start ${units.map(shellQuote).join(" ")}`;
    const started = await capture(connection, command, { signal });
    if (started.code !== 0) {
      throw new AppError("E_COMMAND_FAILED", "the scenario's services could not be started", {
        details: lastLines(started.stderr, 8),
        hint: "look at 'cluster status' and 'cluster logs'",
      });
    }
  } catch (error) {
    signal.throwIfAborted();
    throw new AppError("E_CHECK_FAILED", messageOf(error), { cause: error });
  } finally {
    await capture(connection, `rm -rf ${shellQuote(folder)}`).catch(() => undefined);
  }
}

/** Stops units through one machine. @throws E_COMMAND_FAILED */
export async function stopServices(
  connection: SshConnection,
  units: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const command = `/opt/bin/fleetctl stop ${units.map(shellQuote).join(" ")}`;
  const stopped = await capture(connection, command, { signal });
  if (stopped.code === 0) return;
  throw new AppError("E_COMMAND_FAILED", `fleet did not stop ${units.join(", ")}`, {
    details: lastLines(stopped.stderr, 8),
    hint: "look at 'cluster status' and 'cluster logs'",
  });
}
