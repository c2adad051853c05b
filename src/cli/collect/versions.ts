import type { HostWindow } from "../../doctor/host-window.ts";
import { ask } from "../../doctor/program.ts";
import type { ProgramFacts } from "../../doctor/facts.ts";
import type { World } from "../../lifecycle/cluster.ts";
import { version } from "../version.ts";

/** Programs that providers stand on, and how each is asked for its version. */
const programs: readonly (readonly [string, ...string[]])[] = [
  ["vagrant", "--version"],
  ["VBoxManage", "--version"],
  ["virsh", "--version"],
  ["qemu-system-x86_64", "--version"],
  ["systemd-nspawn", "--version"],
  ["nft", "--version"],
  ["docker-registry", "--version"],
  ["tar", "--version"],
];

/** What this host is and runs. `provider`: what makes the cluster's machines, once that is known. */
export async function versions({ host }: World, provider: string | undefined): Promise<object> {
  const asked = programs.map(
    async (argv) => [argv[0], programText(await ask(host.exec, [...argv]))] as const,
  );
  return {
    v: 1,
    flotilla: version,
    node: process.version,
    provider,
    system: await systemName(host),
    platform: host.platform,
    arch: host.arch,
    kernel: host.release,
    memory: host.memory(),
    programs: Object.fromEntries(await Promise.all(asked)),
  };
}

function programText(facts: ProgramFacts): string {
  if (facts.state === "missing" || facts.state === "hangs") return facts.state;
  const line = facts.says.split("\n").find((text) => text.trim() !== "") ?? "";
  return facts.state === "works" ? line.trim() : `fails: ${line.trim()}`;
}

/** As a Linux calls itself: `Debian GNU/Linux 12 (bookworm)`. */
async function systemName(host: HostWindow): Promise<string | undefined> {
  const text = await host.read("/etc/os-release");
  return /^PRETTY_NAME="?(.*?)"?$/m.exec(text ?? "")?.[1];
}
