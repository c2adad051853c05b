import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A private message bus of a test: a real dbus-daemon on a socket in a folder of its own. */
export interface DbusDaemon {
  readonly address: string;
  readonly pid: number;
  /** Kills it with SIGKILL; clients see their connections break. */
  kill(): Promise<void>;
  /** Starts it again on the same address. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** As strict as the system bus is. */
const config = (
  socket: string,
): string => `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=${socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <deny own="*"/><deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/><allow receive_type="method_return"/>
    <allow receive_type="error"/><allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
    <allow own="org.freedesktop.systemd1"/><allow send_destination="org.freedesktop.systemd1"/>
  </policy>
  <limit name="max_replies_per_connection">128</limit>
</busconfig>
`;

export async function startDbusDaemon(): Promise<DbusDaemon> {
  const folder = await mkdtemp(join(tmpdir(), "flotilla-dbus-"));
  const socket = join(folder, "bus");
  await writeFile(join(folder, "bus.conf"), config(socket));
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    await rm(socket, { force: true });
    child = spawn(
      "dbus-daemon",
      [`--config-file=${join(folder, "bus.conf")}`, "--nofork", "--print-address"],
      {
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    await once(child.stdout ?? child, "data");
  };
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  await start();
  return {
    address: `unix:path=${socket}`,
    get pid() {
      return child?.pid ?? 0;
    },
    start,
    kill,
    close: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
