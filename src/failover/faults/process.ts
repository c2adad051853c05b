import { mustOnVictim, onVictim, proveByCommand, type Evidence, type Fault, type Scene } from "./fault.ts";
import { held, holds } from "./held.ts";

/** Faults of single processes, units and containers. */

const serviceOf: Readonly<Record<string, string>> = {
  fleetd: "fleet.service",
  etcd: "etcd2.service",
  docker: "docker.service",
};

const service = (scene: Scene): string => serviceOf[scene.options.process ?? ""] ?? "";
const kill = (signal: string, unit: string): string =>
  `systemctl kill --kill-who=main --signal=${signal} ${unit}`;
const mainPid = (unit: string): string => `systemctl show --property=MainPID --value ${unit}`;

const startOf = (unit: string): string => `systemctl show --property=InvocationID --value ${unit}`;

/** The unit's main process, which it must have, and the name of its start: a number comes back after a reboot. */
async function processOf(scene: Scene, unit: string): Promise<string> {
  const found = (await mustOnVictim(scene, `echo $(${mainPid(unit)}) $(${startOf(unit)})`)).trim();
  if (found.startsWith("0") || found === "") throw new Error(`${unit} does not run on ${scene.victim}`);
  return found;
}
const pidIn = (before: string): string => before.split(" ")[0] ?? "";
const startIn = (before: string): string => before.split(" ")[1] ?? "";

/** The process that was there before is no longer, or is about to be buried. */
const isGone = (scene: Scene, what: string): Promise<Evidence> =>
  proveByCommand(scene, `! grep -q '^State:.[^ZX]' /proc/${pidIn(scene.before)}/status`, {
    yes: `${what}'s process ${pidIn(scene.before)} is dead`,
    no: `${what}'s process ${pidIn(scene.before)} still lives`,
  });

export const processKill: Fault = {
  name: "process-kill",
  effect: "process",
  drawn: { label: "process killed", colour: "purple" },
  unsupported: async () => undefined,
  arm: (scene) => processOf(scene, service(scene)),
  inject: async (scene) => void (await mustOnVictim(scene, kill("KILL", service(scene)))),
  proveActive: (scene) => isGone(scene, service(scene)),
  // systemd starts it again by itself; this is for when it gave up.
  heal: async (scene) => void (await onVictim(scene, `systemctl start --no-block ${service(scene)}`)),
  proveGone: (scene) =>
    proveByCommand(
      scene,
      `[ "$(${startOf(service(scene))})" != "${startIn(scene.before)}" ] && systemctl is-active --quiet ${service(scene)}`,
      { within: 60_000, every: 100, yes: "a new process serves", no: "no new process serves" },
    ),
};

export const processPause: Fault = {
  name: "process-pause",
  effect: "process",
  drawn: { label: "process stopped", colour: "purple" },
  unsupported: async () => undefined,
  ...held({
    apply: (scene) => kill("STOP", service(scene)),
    revert: (scene) => kill("CONT", service(scene)),
  }),
  proveActive: (scene) =>
    proveByCommand(scene, `${holds(scene)} && ${stopped(scene)}`, {
      yes: `${service(scene)}'s process stands still`,
      no: `${service(scene)}'s process still moves`,
    }),
  proveGone: (scene) =>
    proveByCommand(scene, `! ${holds(scene)} && ! ${stopped(scene)}`, {
      yes: `${service(scene)}'s process goes on`,
      no: `${service(scene)}'s process still stands still`,
    }),
};

const stopped = (scene: Scene): string => `grep -q '^State:.T' /proc/$(${mainPid(service(scene))})/status`;

export const unitCrash: Fault = {
  name: "unit-crash",
  effect: "process",
  drawn: { label: "unit killed", colour: "purple" },
  unsupported: async () => undefined,
  arm: (scene) => processOf(scene, unit(scene)),
  inject: async (scene) => void (await mustOnVictim(scene, `systemctl kill --signal=KILL ${unit(scene)}`)),
  proveActive: (scene) => isGone(scene, String(scene.options.unit)),
  heal: async () => undefined,
  proveGone: async () => ({
    proved: true,
    text: "nothing to mend: what becomes of the unit is its own affair",
  }),
};

const unit = (scene: Scene): string => `'${scene.options.unit ?? ""}'`;

export const containerKill: Fault = {
  name: "container-kill",
  effect: "process",
  drawn: { label: "container killed", colour: "purple" },
  unsupported: async () => undefined,
  arm: async (scene) => {
    const id = (await mustOnVictim(scene, `docker inspect --format '{{.Id}}' ${container(scene)}`)).trim();
    return id;
  },
  inject: async (scene) => void (await mustOnVictim(scene, `docker kill ${container(scene)}`)),
  proveActive: (scene) =>
    proveByCommand(
      scene,
      `! docker inspect --format '{{.State.Running}}' ${scene.before} 2>/dev/null | grep -q true`,
      { yes: `container ${scene.before.slice(0, 12)} no longer runs`, no: "it still runs" },
    ),
  heal: async () => undefined,
  proveGone: async () => ({
    proved: true,
    text: "nothing to mend: what becomes of the unit is its own affair",
  }),
};

const container = (scene: Scene): string => `'${scene.options.container ?? ""}'`;
