import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { AppError } from "../foundation/errors.ts";
import { readIfExists } from "../foundation/files.ts";

/** The id by which the cluster knows this machine. Throws E_HOST_LACKS when the file holds none. */
export async function readMachineId(path: string): Promise<string> {
  const id = (await readIfExists(path))?.trim() ?? "";
  if (/^[0-9a-f]{32}$/.test(id)) return id;
  throw new AppError("E_HOST_LACKS", `${path} holds no machine id`, {
    details: [id === "" ? "it is missing or empty" : `it holds "${id.slice(0, 40)}"`],
    hint: "run 'systemd-machine-id-setup'",
  });
}

/** The kernel's id of this boot. */
export async function readBootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
}

/** The IPv4 address of the interface with the default route; empty when there is none. */
export async function guessPublicIP(): Promise<string> {
  const routes = ((await readIfExists("/proc/net/route")) ?? "").split("\n").map((line) => line.split("\t"));
  const device = routes.find((route) => route[1] === "00000000")?.[0];
  const addresses = device === undefined ? [] : (networkInterfaces()[device] ?? []);
  return addresses.find((address) => address.family === "IPv4" && !address.internal)?.address ?? "";
}
