import type { CloudUnit } from "./cloud-unit.ts";
import { variablesOf } from "./cloud-unit.ts";
import { membersOf } from "./etcd-units.ts";
import type { NodeInput } from "./node-input.ts";
import type { OsProfile } from "./os-profile.ts";
import { renderTemplate } from "./templates.ts";

/** fleet's settings by the names of `coreos.fleet`; upper-cased after `FLEET_` they are fleetd's own. */
export function fleetSettings(
  { spec, machine, machines }: NodeInput,
  profile: OsProfile,
): Record<string, string> {
  const metadata = Object.entries(machine.metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    public_ip: machine.address,
    ...(metadata.length === 0
      ? {}
      : { metadata: metadata.map(([key, value]) => `${key}=${value}`).join(",") }),
    agent_ttl: `${(spec.fleet.agentTtl ?? profile.agentTtl) / 1_000}s`,
    etcd_servers: membersOf(machines)
      .map(({ address }) => `http://${address}:2379`)
      .join(","),
  };
}

/** fleet; where the image is not ours also the ssh-agent, and the units that wait for our executable. */
export function fleetUnits(input: NodeInput, profile: OsProfile): CloudUnit[] {
  switch (profile.fleet) {
    case "image":
      return [{ name: "fleet.service", command: "start" }];
    case "native":
      return [sshAgent(), { name: "fleet.service", command: "start" }];
    case "cloud-config":
      return [sshAgent(), ...fleetWithExecutable(input, profile)];
  }
}

/** Where our executable of this hash is expected on machines whose image does not bring it. */
export function executablePath(hash: string | undefined): string {
  return hash === undefined ? "/opt/bin/flotilla-node" : `/opt/bin/flotilla-node-${hash.slice(0, 16)}`;
}

/**
 * The executable comes over ssh, which works only once the machine has booted: flotilla-node.service runs as soon as
 * the file is there, checks it, and starts fleet.
 */
function fleetWithExecutable(input: NodeInput, profile: OsProfile): CloudUnit[] {
  const file = executablePath(input.executable);
  const check = input.executable === undefined ? [] : [{ hash: input.executable, path: file }];
  const etcdUnit = input.machine.etcdMember ? profile.etcdUnit : "etcd-gateway@2379.service";
  const variables = variablesOf("FLEET_", fleetSettings(input, profile));
  const unit = (name: string, content: string): CloudUnit => ({ name, runtime: true, content });
  return [
    unit("fleet.socket", renderTemplate("user-data/fleet.socket.hbs", {})),
    unit("fleet.service", renderTemplate("user-data/fleet.service.hbs", { variables, etcdUnit })),
    {
      ...unit("flotilla-node.path", renderTemplate("user-data/flotilla-node.path.hbs", { file })),
      command: "restart",
    },
    // A file that is there already is taken at once; without it this starts nothing, and is no error.
    {
      ...unit(
        "flotilla-node.service",
        renderTemplate("user-data/flotilla-node.service.hbs", { file, check }),
      ),
      command: "restart",
    },
  ];
}

function sshAgent(): CloudUnit {
  const content = renderTemplate("user-data/ssh-agent-core.service.hbs", {});
  return { name: "ssh-agent-core.service", runtime: true, command: "start", content };
}
