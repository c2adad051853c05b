import { onVictim, prove, type Evidence, type Fault, type Scene } from "./fault.ts";

/** Faults of a machine's power. Its provider powers it on again when nobody is left to do so. */

const isDead = (scene: Scene): Promise<Evidence> =>
  prove(
    scene,
    async () => {
      const vital = await scene.stage.vital(scene.victim, scene.signal);
      return !vital.running && !vital.answers;
    },
    {
      every: 50,
      within: 3_000,
      yes: "its processes are gone and nothing answers at its address",
      no: "it still runs or still answers",
    },
  );

const isAlive = (scene: Scene): Promise<Evidence> =>
  prove(
    scene,
    async () => {
      const vital = await scene.stage.vital(scene.victim, scene.signal);
      // An open port is not yet a login, and on a slow machine long before one: from here on, whoever looks can see it.
      return vital.running && vital.answers && (await onVictim(scene, "true"))?.code === 0;
    },
    {
      every: 100,
      within: 90_000,
      yes: "it runs and lets us in",
      no: "it does not run, or does not let us in",
    },
  );

const isOff = async ({ stage, victim, signal }: Scene): Promise<boolean> =>
  !(await stage.vital(victim, signal)).running;

const isFrozen = async ({ stage, id, victim, signal }: Scene): Promise<boolean> =>
  ((await stage.outages?.holds(signal)) ?? []).some(
    (hold) => hold.id === id && hold.node === victim && hold.active,
  );

const hold = async (scene: Scene): Promise<string> => {
  const { stage, id, victim, ttl, signal } = scene;
  await stage.outages?.hold({ id, node: victim, undo: "start" }, ttl, signal);
  return "";
};

const powerOn = async ({ stage, id, victim, signal }: Scene): Promise<void> => {
  await stage.powerOn(victim, signal);
  await stage.outages?.release(id, victim, signal);
};

export const powerCut: Fault = {
  name: "power-cut",
  effect: "off",
  drawn: { label: "no power", colour: "red" },
  isThere: isOff,
  unsupported: async ({ stage }) =>
    stage.capabilities.powerCut === "none"
      ? `provider ${stage.provider} cannot cut a machine's power`
      : undefined,
  arm: hold,
  inject: ({ stage, victim, signal }) => stage.cut(victim, signal),
  proveActive: isDead,
  heal: powerOn,
  proveGone: isAlive,
};

export const halt: Fault = {
  name: "halt",
  effect: "off",
  drawn: { label: "shut down", colour: "red" },
  isThere: isOff,
  unsupported: async () => undefined,
  arm: hold,
  inject: ({ stage, victim, signal }) => stage.halt(victim, signal),
  proveActive: isDead,
  heal: powerOn,
  proveGone: isAlive,
};

const bootId = "cat /proc/sys/kernel/random/boot_id";

/** Whether the machine runs, and since another start than before. */
const bootOf = async (scene: Scene): Promise<string> => (await onVictim(scene, bootId))?.stdout.trim() ?? "";

export const reboot: Fault = {
  name: "reboot",
  effect: "off",
  drawn: { label: "restarts", colour: "orange" },
  unsupported: async () => undefined,
  arm: async (scene) => {
    await hold(scene);
    return await bootOf(scene);
  },
  inject: async (scene) => {
    // In a moment, so that our connection is not cut off while the command is being answered.
    await onVictim(scene, "systemd-run --quiet --on-active=100ms systemctl reboot");
  },
  proveActive: (scene) =>
    prove(
      scene,
      async () =>
        !(await scene.stage.vital(scene.victim, scene.signal)).answers ||
        (await bootOf(scene)) !== scene.before,
      { every: 50, within: 60_000, yes: "it has gone down", no: "it did not go down" },
    ),
  heal: powerOn,
  proveGone: (scene) =>
    prove(
      scene,
      async () => {
        const boot = await bootOf(scene);
        return boot !== "" && boot !== scene.before;
      },
      { every: 100, within: 120_000, yes: "it has booted anew", no: "it has not come back" },
    ),
};

export const freeze: Fault = {
  name: "freeze",
  effect: "frozen",
  drawn: { label: "frozen", colour: "blue" },
  isThere: isFrozen,
  unsupported: async ({ stage }) =>
    stage.capabilities.pause && stage.outages !== undefined
      ? undefined
      : `provider ${stage.provider} cannot freeze a machine`,
  arm: async () => "",
  inject: async ({ stage, id, victim, ttl, signal }) =>
    await stage.outages?.hold({ id, node: victim, undo: "thaw" }, ttl, signal),
  proveActive: (scene) =>
    prove(scene, () => isFrozen(scene), {
      every: 10,
      within: 3_000,
      yes: "none of its processes moves",
      no: "it still moves",
    }),
  heal: async ({ stage, id, victim, signal }) => await stage.outages?.release(id, victim, signal),
  proveGone: (scene) =>
    prove(
      scene,
      async () =>
        (await scene.stage.run(scene.victim, "true", { within: 1_000, signal: scene.signal }))?.code === 0,
      {
        every: 50,
        within: 30_000,
        yes: "it answers again",
        no: "it does not answer",
      },
    ),
};
