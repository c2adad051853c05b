import type { ScaffoldFile } from "../spec/scaffold.ts";

const nodeKill = `version: 1
name: node-kill
about: The machine that runs hello.service loses its power; the service comes back on another machine.

services: [services/hello.service]

steady: # true before the first step, and again after the last
  - {unit: hello.service, active: 1, within: 90s}
  - {machines: all, within: 60s}

steps:
  - {inject: power-cut, victims: the machine that runs hello.service}
  - assert: {unit: hello.service, active: 1, within: 20s}
  - {heal: power-cut}

budgets:
  - {unit: hello.service, recoveredWithin: 10s, copiesAtMost: 1, startsAtMost: 1}
`;

const powerOutage = `version: 1
name: power-outage
about: >-
  Every machine loses its power at once. Only core-02 and core-03 come back, core-01 stays down, and yet the service runs.
  When core-01 returns much later, nothing is disturbed.

services: [services/hello.service]

steady:
  - {unit: hello.service, active: 1, within: 90s}
  - {machines: all, within: 60s}

steps:
  - {inject: power-cut, victims: all}
  - {heal: power-cut, victims: [core-02, core-03]}
  - assert: {unit: hello.service, active: 1, within: 30s}
  - {heal: power-cut}
  - assert: {machines: all, within: 30s}
  - {wait: 3s}

budgets:
  # From the moment the power went: two machines boot, etcd finds its quorum, the service starts.
  - {unit: hello.service, recoveredWithin: 20s, copiesAtMost: 1, startsAtMost: 1}
`;

/** The scenarios of a new cluster, to play at once and to learn from. */
export const firstScenarios: readonly ScaffoldFile[] = [
  { path: "scenarios/node-kill.yaml", content: nodeKill },
  { path: "scenarios/power-outage.yaml", content: powerOutage },
];
