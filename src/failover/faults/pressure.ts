import { onVictim, prove, proveByCommand, type Fault, type Scene } from "./fault.ts";
import { held, holderOf, holds } from "./held.ts";

/** Faults that take from a machine what it lives on: time of its processors, memory, disk, the right time. */

const cgroupFile = (scene: Scene, file: string): string =>
  `/sys/fs/cgroup/system.slice/${holderOf(scene.id)}.service/${file}`;

const gone = (scene: Scene): ReturnType<Fault["proveGone"]> =>
  proveByCommand(scene, `! ${holds(scene)}`, { yes: "it is over", no: "it goes on" });

export const cpuPressure: Fault = {
  name: "cpu-pressure",
  effect: "load",
  drawn: { label: "busy", colour: "grey" },
  unsupported: async () => undefined,
  ...held({
    main: () => "for i in $(seq $(($(nproc) * 4))); do (while :; do :; done) & done; wait",
    revert: () => "true",
  }),
  proveActive: async (scene) => {
    const used = async (): Promise<number> => {
      const stat = await onVictim(scene, `cat ${cgroupFile(scene, "cpu.stat")}`);
      return Number(/^usage_usec (\d+)/m.exec(stat?.stdout ?? "")?.[1] ?? 0);
    };
    const before = await used();
    return await prove(scene, async () => (await used()) - before > 200_000, {
      every: 100,
      within: 10_000,
      yes: "it burns processor time",
      no: "it gets no processor time",
    });
  },
  proveGone: gone,
};

export const memoryPressure: Fault = {
  name: "memory-pressure",
  effect: "load",
  drawn: { label: "memory taken", colour: "grey" },
  unsupported: async () => undefined,
  ...held({
    // A text without line ends has one line, and tail keeps it until its end, which does not come.
    main: ({ options }) =>
      `(head -c ${Number(options.size) * 1_000_000} /dev/zero; exec sleep infinity) | tail >/dev/null`,
    revert: () => "true",
    // When memory runs out, what the kernel ends is this.
    properties: ["OOMScoreAdjust=900"],
  }),
  proveActive: (scene) =>
    proveByCommand(
      scene,
      `${holds(scene)} && [ "$(cat ${cgroupFile(scene, "cgroup.procs")} | xargs -I{} cat /proc/{}/status 2>/dev/null | awk '/^VmRSS/ {kb += $2} END {print int(kb / 1000)}')" -ge ${Math.floor(Number(scene.options.size) * 0.9)} ]`,
      {
        every: 200,
        within: 20_000,
        yes: `${scene.options.size} MB are taken`,
        no: "the memory is not taken",
      },
    ),
  proveGone: gone,
};

/** Of a disk that is the machine's own: never one that it shares with the host. */
const fill = (scene: Scene): string => `/var/lib/${holderOf(scene.id)}.fill`;

export const diskFull: Fault = {
  name: "disk-full",
  effect: "load",
  drawn: { label: "disk full", colour: "grey" },
  unsupported: async ({ stage }) =>
    stage.capabilities.diskFull
      ? undefined
      : `a machine of provider ${stage.provider} has no disk of its own with an end`,
  ...held({
    apply: (scene) =>
      // Also the blocks that are kept for root; what cannot be allocated at once is filled up.
      `free=$(( $(stat -f -c '%f * %S' /var/lib) ))\nfallocate -l "$free" ${fill(scene)} 2>/dev/null\ncat /dev/zero >>${fill(scene)} 2>/dev/null\ntrue`,
    revert: (scene) => `rm -f ${fill(scene)}`,
  }),
  proveActive: (scene) =>
    proveByCommand(
      scene,
      `! head -c 1000000 /dev/zero >${fill(scene)}.more; code=$?; rm -f ${fill(scene)}.more; exit $code`,
      {
        yes: "no more can be written",
        no: "there is still room",
      },
    ),
  proveGone: (scene) =>
    proveByCommand(scene, `[ ! -e ${fill(scene)} ] && ! ${holds(scene)}`, {
      yes: "there is room again",
      no: "the disk is still full",
    }),
};

const seconds = (scene: Scene): number => Math.round(Number(scene.options.by) / 1_000);
const ahead = (scene: Scene): string =>
  `$(( $(date +%s) - $(cut -d. -f1 /proc/uptime) - $(cat /run/${holderOf(scene.id)}.clock) ))`;

export const clockStep: Fault = {
  name: "clock-step",
  effect: "load",
  drawn: { label: "wrong time", colour: "grey" },
  unsupported: async ({ stage }) =>
    stage.capabilities.clockStep ? undefined : `a machine of provider ${stage.provider} has the host's clock`,
  ...held({
    // How far the clock is ahead of the time since boot: that tells a step, whatever the hour.
    apply: (scene) =>
      `echo $(( $(date +%s) - $(cut -d. -f1 /proc/uptime) )) >/run/${holderOf(scene.id)}.clock\ndate -s "+${seconds(scene)} seconds"`,
    revert: (scene) =>
      `[ -e /run/${holderOf(scene.id)}.clock ] && date -s "@$(( $(date +%s) - ${ahead(scene)} ))" && rm -f /run/${holderOf(scene.id)}.clock; true`,
  }),
  proveActive: (scene) =>
    proveByCommand(scene, `[ ${ahead(scene)} -ge ${seconds(scene) - 1} ]`, {
      yes: `its clock is ${seconds(scene)} s ahead`,
      no: "its clock was set right again",
    }),
  proveGone: (scene) =>
    proveByCommand(scene, `[ ! -e /run/${holderOf(scene.id)}.clock ] && ! ${holds(scene)}`, {
      yes: "its clock is as before",
      no: "its clock is still ahead",
    }),
};
