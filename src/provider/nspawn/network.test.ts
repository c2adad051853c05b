import { describe, expect, it } from "vitest";
import type { CommandResult, Exec } from "../../foundation/exec.ts";
import { hostNames } from "./names.ts";
import { firewall, lowerNetwork, raiseNetwork } from "./network.ts";
import { parseSubnet } from "./subnet.ts";

const names = hostNames({ name: "demo", dir: "/home/me/demo" });
const plan = { names, subnet: parseSubnet("192.168.56.0/24"), internet: false };

/** A host that answers each command with what the test says, or with success. */
function scriptedHost(
  answer: (line: string) => Partial<CommandResult> | undefined,
): Exec & { lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    run: async ({ argv, input }) => {
      const line = argv.join(" ");
      lines.push(line, ...(input === undefined ? [] : [String(input)]));
      return { code: 0, stdout: "", stderr: "", timedOut: false, missing: false, ...answer(line) };
    },
  };
}

describe("the cluster's network", () => {
  it("hides the nodes behind the host only where the spec wants the internet", () => {
    expect(firewall({ ...plan, internet: true })).toContain("masquerade");
    expect(firewall(plan)).not.toContain("masquerade");
    expect(firewall(plan)).toContain(`iifname "${names.bridge}" reject`);
  });

  it("is walled off from whatever else the host forwards", () => {
    expect(firewall({ ...plan, internet: true })).toContain(`oifname "${names.bridge}" drop`);
  });

  it("asks docker on the host to let the nodes' packets through, once", async () => {
    const host = scriptedHost((line) =>
      line.startsWith("ip -json link") ? { code: 1 } : line.includes(" -C ") ? { code: 1 } : undefined,
    );
    await raiseNetwork(host, plan);
    const inserted = host.lines.filter((line) => line.includes("-I DOCKER-USER"));
    expect(inserted).toHaveLength(2);
    expect(inserted.every((line) => line.includes("--comment flotilla:demo"))).toBe(true);
  });

  it("leaves docker alone where there is none", async () => {
    const host = scriptedHost((line) =>
      line.startsWith("ip -json link") || line.includes("-nL DOCKER-USER") ? { code: 1 } : undefined,
    );
    await raiseNetwork(host, plan);
    expect(host.lines.join("\n")).not.toContain("-I DOCKER-USER");
  });

  it("refuses a bridge of that name which bears not our mark", async () => {
    const host = scriptedHost(() => ({ stdout: `[{"ifname":"${names.bridge}"}]` }));
    await expect(raiseNetwork(host, plan)).rejects.toMatchObject({ code: "E_IN_USE" });
  });

  it("takes away only links that are ours", async () => {
    const links = [
      { ifname: names.bridge, ifalias: "flotilla:demo" },
      { ifname: `vb-${names.id}-01` },
      { ifname: "vb-other-01" },
      { ifname: "eth0" },
    ];
    const host = scriptedHost((line) =>
      line === "ip -json link show"
        ? { stdout: JSON.stringify(links) }
        : line.startsWith("iptables")
          ? { code: 1 }
          : undefined,
    );
    await lowerNetwork(host, names);
    const deleted = host.lines.filter((line) => line.startsWith("ip link delete"));
    expect(deleted).toEqual([`ip link delete ${names.bridge}`, `ip link delete vb-${names.id}-01`]);
  });
});
