import { shellQuote } from "../../foundation/exec.ts";
import { mustOnVictim, onVictim, prepareOnVictim, type Fault, type Scene } from "./fault.ts";

/**
 * Faults that the machine itself undoes: each is a transient systemd service on the machine, named after the injection.
 * However that service ends (stopped by us, its time over, killed), systemd runs the script that undoes the fault; and a
 * restart of the machine leaves nothing of it. Nothing else is ever touched.
 */
export interface HeldScripts {
  /** Fails where `apply` would, and breaks nothing. What `apply` needs is in the machine's memory then. */
  readonly check?: (scene: Scene) => string;
  /** What runs while the fault lasts: nothing by default. */
  readonly main?: (scene: Scene) => string;
  /** Breaks it, once the promise to undo is made; nothing when `main` does it. */
  readonly apply?: (scene: Scene) => string;
  /** Undoes it, whatever there is of it. Must not fail when there is nothing to undo. */
  readonly revert: (scene: Scene) => string;
  /** For the service, e.g. `OOMScoreAdjust=900`. */
  readonly properties?: readonly string[];
}

/** The transient service's name without `.service`; also the owner's tag on whatever the fault makes. */
export function holderOf(id: string): string {
  return `flotilla-fault-${id}`;
}

/** The parts of a fault that its scripts decide. */
export function held(scripts: HeldScripts): Pick<Fault, "arm" | "inject" | "heal" | "isThere"> {
  return {
    isThere: async (scene) => (await onVictim(scene, holds(scene)))?.code === 0,
    arm: async (scene) => {
      const check = scripts.check?.(scene) ?? "true";
      await mustOnVictim(scene, `set -e\n${check}\n${armScript(scene, scripts)}`);
      await prepareOnVictim(scene, scripts.apply?.(scene), healScript(scene, scripts));
      return "";
    },
    inject: async (scene) => {
      const apply = scripts.apply?.(scene);
      if (apply !== undefined) await mustOnVictim(scene, apply);
    },
    heal: async (scene) => {
      // A machine that does not answer has no service of ours either, or undoes it by itself when it goes on.
      await onVictim(scene, healScript(scene, scripts));
    },
  };
}

function armScript(scene: Scene, { main, revert, properties = [] }: HeldScripts): string {
  const settings = [
    `RuntimeMaxSec=${(scene.ttl / 1_000).toFixed(3)}`,
    "TimeoutStopSec=2",
    `ExecStopPost=/bin/sh -c ${quoteForUnit(revert(scene))}`,
    ...properties,
  ];
  return [
    `systemd-run --quiet --collect --unit=${holderOf(scene.id)}`,
    ...settings.map((setting) => `-p ${shellQuote(setting)}`),
    `-- /bin/sh -c ${shellQuote((main?.(scene) ?? "exec sleep infinity").replaceAll("$", "$$$$"))}`,
  ].join(" ");
}

/** First what hurts; the service, which would do the same, may end after our answer. */
function healScript(scene: Scene, { revert }: HeldScripts): string {
  return `(${revert(scene)}\n) >/dev/null 2>&1\nsystemctl stop ${holderOf(scene.id)}.service >/dev/null 2>&1 &`;
}

/** One word of a unit's command line: systemd expands $ and %, and has its own quotes. */
function quoteForUnit(script: string): string {
  const escaped = script
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"')
    .replaceAll("$", "$$$$")
    .replaceAll("%", "%%")
    .replaceAll("\n", "\\n");
  return `"${escaped}"`;
}

/** Whether the holder is there, as sh. */
export function holds(scene: Scene): string {
  return `systemctl is-active --quiet ${holderOf(scene.id)}.service`;
}
