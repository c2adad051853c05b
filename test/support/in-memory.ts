import type { Stage } from "../../src/failover/stage/stage.ts";

/** What is the same of every stage in memory: its machines can only lose their power, and are as quick as containers. */
export const inMemory = {
  cluster: "imagined",
  provider: "memory",
  patience: 1,
  capabilities: {
    powerCut: "process",
    pause: false,
    partition: false,
    oneWayPartition: false,
    clockStep: false,
    diskFull: false,
    memoryLimit: false,
    cpuLimit: false,
  },
  address: (node) => node,
  prepare: async () => undefined,
  outages: undefined,
} satisfies Partial<Stage>;
