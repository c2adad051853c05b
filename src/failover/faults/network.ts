import { mustOnVictim, onVictim, proveByCommand, type Evidence, type Fault, type Scene } from "./fault.ts";
import { held, holderOf, holds } from "./held.ts";

/**
 * Faults of the network, made by firewall rules inside the victim's own network: a table of nftables that bears the
 * injection's name. The host and the way over which we watch the machines stay as they are.
 */

/** Of clients and peers, the old ones too. */
const etcdPorts = "{ 2379, 2380, 4001, 7001 }";

const table = (scene: Scene): string => `inet ${holderOf(scene.id).replaceAll("-", "_")}`;

/** Pure: the whole table. `rules` are statements for packets that come in and for those that go out. */
function ruleset(
  scene: Scene,
  rules: { readonly in: readonly string[]; readonly out: readonly string[] },
): string {
  const chain = (name: string, hook: string, lines: readonly string[]): string =>
    `chain ${name} {\ntype filter hook ${hook} priority raw;\n${lines.join("\n")}\n}`;
  return [
    `table ${table(scene)} {`,
    `comment "${holderOf(scene.id)}"`,
    chain("come", "prerouting", rules.in),
    chain("leave", "postrouting", rules.out),
    "}",
  ].join("\n");
}

const nft = (flags: string, text: string): string => `nft ${flags} - <<'RULES'\n${text}\nRULES`;
const load = (text: string): string => nft("-f", text);
/** Whether the kernel would take it. After that, nft and what it needs need not be read from disk any more. */
const tryOut = (text: string): string => nft("--check -f", text);
const unload = (scene: Scene): string => `nft delete table ${table(scene)} 2>/dev/null || true`;
const isLoaded = (scene: Scene): string => `nft list table ${table(scene)} >/dev/null 2>&1`;
/** Whether a rule with that verdict has met a packet. */
const hasBitten = (scene: Scene, chain: string): string =>
  `nft list chain ${table(scene)} ${chain} | grep -q 'packets [1-9]'`;

const others = (scene: Scene): readonly string[] =>
  scene.stage.nodes.filter((node) => !scene.victims.includes(node)).map((node) => scene.stage.address(node));

function partitionRules(scene: Scene): string {
  const peers = `{ ${others(scene).join(", ")} }`;
  const { direction = "both", only } = scene.options;
  const lines = (address: "saddr" | "daddr"): string[] =>
    only === "etcd"
      ? ["dport", "sport"].map((port) => `ip ${address} ${peers} tcp ${port} ${etcdPorts} counter drop`)
      : [`ip ${address} ${peers} counter drop`];
  return ruleset(scene, {
    in: direction === "out" ? [] : lines("saddr"),
    out: direction === "in" ? [] : lines("daddr"),
  });
}

/** Knocks at all others once, all at the same time; succeeds when one of them answers. */
const knock = (scene: Scene): string => {
  const [first = "", ...more] = others(scene);
  if (scene.options.only === "etcd") {
    const tries = [first, ...more].map(
      (address) => `timeout 0.4 bash -c '</dev/tcp/${address}/2380' 2>/dev/null`,
    );
    return `{ ${tries.join(" || ")}; }`;
  }
  return `{ ${[first, ...more].map((address) => `ping -c 1 -W 0.2 ${address} >/dev/null 2>&1`).join(" || ")}; }`;
};

/** An answer is awaited in vain, and our own rules are what swallowed it. */
async function isCut(scene: Scene): Promise<Evidence> {
  const { direction = "both", flap } = scene.options;
  // What is not sent is not answered either: with both ways cut, only the outgoing rule meets a packet for sure.
  const chain = direction === "in" ? "come" : "leave";
  // The rules come and go, and what they have counted goes with them: it is enough to see that once, at any moment.
  const sometimes = `for i in $(seq 60); do (${knock(scene)}) >/dev/null 2>&1 & ${hasBitten(scene, chain)} && exit 0; sleep 0.05; done; false`;
  const always = `${isLoaded(scene)} && ! ${knock(scene)} && ${hasBitten(scene, chain)}`;
  return await proveByCommand(scene, flap === undefined ? always : sometimes, {
    within: 5_000 + Number(flap ?? 0) * 2,
    yes: `no answer from ${scene.stage.nodes.filter((node) => !scene.victims.includes(node)).join(", ")}: packets are dropped`,
    no: "the others still answer, or no packet was dropped",
  });
}

const isOpen = (scene: Scene): Promise<Evidence> =>
  proveByCommand(scene, `! ${isLoaded(scene)} && ! ${holds(scene)}`, {
    every: 20,
    yes: "the rules are gone",
    no: "the rules are still there",
  });

const flapping = held({
  main: (scene) => {
    const pause = `sleep ${Number(scene.options.flap) / 1_000}`;
    return `while :; do\n${load(partitionRules(scene))}\n${pause}; ${unload(scene)}; ${pause}; done`;
  },
  revert: unload,
});

const steady = held({
  check: (scene) => tryOut(partitionRules(scene)),
  apply: (scene) => load(partitionRules(scene)),
  revert: unload,
});

export const partition: Fault = {
  name: "partition",
  effect: "network",
  drawn: { label: "cut off", colour: "orange" },
  isThere: async (scene) => (await onVictim(scene, holds(scene)))?.code === 0,
  unsupported: async ({ stage, options, victims }) => {
    const { capabilities, provider, nodes } = stage;
    if (!capabilities.partition) return `provider ${provider} cannot part machines`;
    if (options.direction !== undefined && options.direction !== "both" && !capabilities.oneWayPartition) {
      return `provider ${provider} cannot part machines one way`;
    }
    if (victims.length === nodes.length)
      return "all machines are victims: there is nobody to be cut off from";
    return undefined;
  },
  arm: (scene) => (scene.options.flap === undefined ? steady : flapping).arm(scene),
  inject: (scene) => (scene.options.flap === undefined ? steady : flapping).inject(scene),
  proveActive: isCut,
  heal: steady.heal,
  proveGone: isOpen,
};

function lossRules(scene: Scene): string {
  const line = (address: string): string =>
    `ip ${address} { ${others(scene).join(", ")} } numgen random mod 100 < ${scene.options.percent} counter drop`;
  return ruleset(scene, { in: [line("saddr")], out: [line("daddr")] });
}

export const packetLoss: Fault = {
  name: "packet-loss",
  effect: "network",
  drawn: { label: "packets lost", colour: "orange" },
  unsupported: async ({ stage }) =>
    stage.capabilities.partition ? undefined : `provider ${stage.provider} cannot drop packets`,
  ...held({
    check: (scene) => tryOut(lossRules(scene)),
    apply: (scene) => load(lossRules(scene)),
    revert: unload,
  }),
  proveActive: (scene) =>
    proveByCommand(
      scene,
      `${others(scene)
        .map((address) => `ping -q -c 20 -i 0.01 -W 0.2 ${address} >/dev/null`)
        .join("; ")}; ${hasBitten(scene, "leave")}`,
      { within: 10_000, yes: "packets are dropped", no: "no packet was dropped" },
    ),
  proveGone: isOpen,
};

export const packetDelay: Fault = {
  name: "packet-delay",
  effect: "network",
  drawn: { label: "packets late", colour: "orange" },
  unsupported: async (scene) => {
    // Asked in a network of its own, so that the question changes nothing.
    const ran = await onVictim(scene, "unshare --net tc qdisc add dev lo root netem delay 1ms");
    return ran?.code === 0
      ? undefined
      : `the kernel of ${scene.victim} cannot delay packets (it has no netem)`;
  },
  ...held({
    // The card that leads to the others: a virtual machine has one more, which leads to the hypervisor.
    apply: (scene) =>
      `dev=$(ip -o route get ${others(scene)[0] ?? ""} | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p')\ntc qdisc add dev "$dev" root handle f10: netem delay ${scene.options.delay}ms`,
    revert: () =>
      `tc qdisc show | awk '/netem f10:/ {print $5}' | while read -r dev; do tc qdisc del dev "$dev" root; done`,
  }),
  proveActive: (scene) =>
    proveByCommand(scene, "tc qdisc show | grep -q 'netem f10:'", {
      yes: "packets wait",
      no: "packets do not wait",
    }),
  proveGone: (scene) =>
    proveByCommand(scene, `! tc qdisc show | grep -q 'netem f10:' && ! ${holds(scene)}`, {
      yes: "packets no longer wait",
      no: "packets still wait",
    }),
};

/** What docker pulls from: the mirrors that its configuration names, as HOST PORT. */
async function mirrorOf(scene: Scene): Promise<{ readonly host: string; readonly port: string } | undefined> {
  const text = (await onVictim(scene, "cat /etc/docker/daemon.json"))?.stdout ?? "";
  const [, host, port] = /"registry-mirrors":\s*\[\s*"http:\/\/([\d.]+):(\d+)"/.exec(text) ?? [];
  return host === undefined || port === undefined ? undefined : { host, port };
}

export const registryOutage: Fault = {
  name: "registry-outage",
  effect: "network",
  drawn: { label: "no registry", colour: "grey" },
  ...held({ revert: unload }),
  unsupported: async (scene) =>
    (await mirrorOf(scene)) === undefined
      ? `docker on ${scene.victim} uses no mirror by its address: there is no registry that can be cut off`
      : undefined,
  inject: async (scene) => {
    const mirror = await mirrorOf(scene);
    if (mirror === undefined) return;
    const line = `ip daddr ${mirror.host} tcp dport ${mirror.port} counter drop`;
    await mustOnVictim(scene, load(ruleset(scene, { in: [], out: [line] })));
  },
  proveActive: async (scene) => {
    const mirror = await mirrorOf(scene);
    const ask = `curl --silent --noproxy '*' --max-time 0.5 http://${mirror?.host}:${mirror?.port}/v2/ >/dev/null`;
    return await proveByCommand(scene, `! ${ask} && ${hasBitten(scene, "leave")}`, {
      yes: "the registry does not answer",
      no: "the registry still answers",
    });
  },
  proveGone: isOpen,
};
