import { createGate } from "../../../foundation/gate.ts";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cgroupAt } from "../cgroups.ts";
import { createDiscoveryDoor } from "../../gateway/discovery.ts";
import type { WantedForward } from "../forwards.ts";
import { createForwarder, firstSshPort } from "../forwards.ts";
import { startMirror, stopMirror } from "../mirror.ts";
import { raiseNetwork } from "../network.ts";
import { readNodes } from "../record.ts";
import { createRelays } from "../../gateway/relays.ts";
import { parseSubnet } from "../subnet.ts";
import type { SupervisorConfig } from "./config.ts";
import { forwardingMark, sweepHost } from "./sweep.ts";
import type { SupervisorTools } from "./tools.ts";

/** What a cluster has on the host beside its nodes: network, registry mirror, forwarded ports. */
export interface HostSide {
  /** Makes what is missing, changes what has changed. Idempotent. */
  raise(): Promise<void>;
  /** Starts the mirror again if it ended by itself. */
  tend(): Promise<void>;
  /** Ends a mirror that an earlier supervisor left: its settings may be old. */
  replaceMirror(): Promise<void>;
  /** Opens the ports of new nodes and closes those of nodes that are gone. */
  applyForwards(): Promise<void>;
  /** Removes everything of the cluster from the host, nodes included; their disks stay. */
  clear(): Promise<void>;
}

export function createHostSide(options: SupervisorTools): HostSide {
  const { config, names, hierarchies, exec, clock } = options;
  const { stateDir } = config();
  const forwarder = createForwarder({ stateDir });
  const relays = createRelays(options.log);
  const discovery = createDiscoveryDoor(stateDir);
  const mirror = cgroupAt(hierarchies, join(names.cgroup, "mirror.helper"));

  const applyForwards = async (): Promise<void> => {
    await forwarder.apply(wantedForwards(config(), await readNodes({ stateDir })));
  };
  let cleared = false;
  const tendNow = async (): Promise<void> => {
    if (cleared || !config().mirror || (await mirror.populated())) return;
    const { gateway } = parseSubnet(config().subnet);
    await startMirror({ gateway, stateDir, cgroup: mirror }, clock);
  };
  const oneByOne = createGate(1);
  /** Two looks at a time would each find no mirror and start one. */
  const tend = (): Promise<void> => oneByOne.pass(tendNow);
  return {
    raise: async () => {
      const { subnet, internet } = config();
      const { switchedForwarding } = await raiseNetwork(exec, {
        names,
        subnet: parseSubnet(subnet),
        internet,
      });
      if (switchedForwarding) await writeFile(forwardingMark(names), "");
      const { gateway } = parseSubnet(subnet);
      await discovery.apply(config().discovery === true ? gateway : undefined);
      await relays.apply(gateway, config().relays ?? []);
      if (!config().mirror) await stopMirror(mirror, clock);
      await tend();
      await applyForwards();
    },
    tend,
    replaceMirror: () => stopMirror(mirror, clock),
    applyForwards,
    clear: async () => {
      cleared = true;
      forwarder.close();
      relays.close();
      discovery.close();
      await sweepHost({ exec, clock, hierarchies }, names);
    },
  };
}

/** Pure: ssh of every node, and the spec's ports of the first. */
function wantedForwards(
  { ports }: SupervisorConfig,
  nodes: readonly { readonly name: string; readonly index: number; readonly address: string }[],
): WantedForward[] {
  const first = nodes[0];
  const asked =
    first === undefined ? [] : Object.entries(ports).map(([guest, host]) => ({ guest, host, ...first }));
  return [
    ...nodes.map(({ name, address, index }) => ({
      node: name,
      address,
      guestPort: 22,
      wanted: firstSshPort + index - 1,
    })),
    ...asked.map(({ guest, host, name, address }) => ({
      node: name,
      address,
      guestPort: Number(guest),
      wanted: host,
    })),
  ];
}
