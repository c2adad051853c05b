import type { ProviderName } from "../spec/model.ts";
import type { HostFacts } from "./facts.ts";
import { gatherHypervisors } from "./gather-hypervisors.ts";
import { gatherLimits } from "./gather-limits.ts";
import { gatherNetwork } from "./gather-network.ts";
import type { HostWindow } from "./host-window.ts";
import { ask } from "./program.ts";

const proxyVariables = /^(vagrant_)?(http|https|no|all)_proxy$/i;

/**
 * Looks at everything that can be a trouble for these providers; what concerns others is left alone, because asking
 * Vagrant alone takes seconds. Changes nothing, needs no rights, and never fails: what cannot be read stays unknown.
 */
export async function gather(host: HostWindow, providers: readonly ProviderName[]): Promise<HostFacts> {
  const wsl = host.platform === "linux" && /microsoft/i.test(host.release);
  const [appleSilicon, hypervisors, limits, network, windowsAhead] = await Promise.all([
    isAppleSilicon(host),
    gatherHypervisors(host, providers),
    gatherLimits(host, providers),
    gatherNetwork(host, providers),
    wsl ? windowsClock(host) : undefined,
  ]);
  return {
    platform: host.platform,
    arch: host.arch,
    kernel: host.release,
    wsl,
    appleSilicon,
    ...hypervisors,
    ...limits,
    ...network,
    proxy: proxyOf(host.env),
    clock: { now: host.now(), windowsAhead },
  };
}

/** Also when this very process runs translated, as if the processor were Intel's. */
async function isAppleSilicon(host: HostWindow): Promise<boolean> {
  if (host.platform !== "darwin") return false;
  if (host.arch === "arm64") return true;
  const answer = await ask(host.exec, ["sysctl", "-n", "hw.optional.arm64"]);
  return answer.state === "works" && answer.says.trim() === "1";
}

/** How far Windows' clock is ahead of ours, ms. */
async function windowsClock(host: HostWindow): Promise<number | undefined> {
  const script = "[DateTimeOffset]::UtcNow.ToUnixTimeMilliseconds()";
  const answer = await ask(host.exec, ["powershell.exe", "-NoProfile", "-Command", script]);
  const there = answer.state === "works" ? Number(answer.says.trim()) : Number.NaN;
  return Number.isFinite(there) && there > 0 ? there - host.now() : undefined;
}

function proxyOf(env: HostWindow["env"]): Record<string, string> {
  const set = Object.entries(env).filter(([name, value]) => proxyVariables.test(name) && value !== undefined);
  return Object.fromEntries(
    set.map(([name, value]) => [name, value ?? ""]).filter(([, value]) => value !== ""),
  );
}
