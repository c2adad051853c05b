import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { recordedHosts, recordedWindow, type RecordedHost } from "../../test/support/recorded-host.ts";
import { clusterPlan } from "../../test/support/cluster-plan.ts";
import { vmNames } from "../provider/vagrant/names.ts";
import { diagnose, troubles } from "./diagnose.ts";
import type { Finding } from "./finding.ts";
import { gather } from "./gather.ts";
import { lackFindings, purposeOf } from "./purpose.ts";

type Host = Partial<Pick<RecordedHost, "platform" | "arch" | "release" | "env" | "commands" | "files">>;

const vagrant = { "vagrant --version": "Vagrant 2.4.9", "vagrant plugin list": "vagrant-libvirt (0.12.2)\n" };
const virtualbox = { ...vagrant, "VBoxManage --version": "7.1.6r167084" };
const libvirt = { ...vagrant, "virsh --version": "9.0.0", "virsh -c qemu:///system uri": "qemu:///system" };
const able = { "/proc/cpuinfo": "flags : vmx\n", "/proc/misc": "232 kvm\n" };
const bridge = '[{"ifname":"fl-0123abcd","ifalias":"flotilla:old"}]';
const listBridges = "ip -json link show type bridge";
const listRoutes = "ip -json -4 route";
const listAddresses = "ip -json -4 address";

async function examine(provider: RecordedHost["provider"], host: Host): Promise<readonly Finding[]> {
  const { platform = "linux", arch = "x64", ...rest } = host;
  const facts = await gather(recordedWindow({ platform, arch, ...rest }), [provider]);
  return diagnose(facts, purposeOf(provider, clusterPlan("/demo", "demo")));
}

const made: readonly [id: string, provider: RecordedHost["provider"], host: Host][] = [
  ["virtualbox-missing", "virtualbox", { commands: vagrant, files: able }],
  [
    "virtualbox-silent",
    "virtualbox",
    { commands: { ...vagrant, "VBoxManage --version": "hang" }, files: able },
  ],
  [
    "virtualbox-silent",
    "virtualbox",
    { commands: { ...vagrant, "VBoxManage --version": "exit 1\nVBoxSVC died" }, files: able },
  ],
  ["vagrant-missing", "virtualbox", { commands: { "VBoxManage --version": "7.1.6r167084" }, files: able }],
  ["vagrant-broken", "virtualbox", { commands: { ...virtualbox, "vagrant --version": "hang" }, files: able }],
  [
    "vagrant-libvirt-missing",
    "libvirt",
    { commands: { ...libvirt, "vagrant plugin list": "No plugins installed.\n" }, files: able },
  ],
  ["libvirt-missing", "libvirt", { commands: vagrant, files: able }],
  ["no-kvm-device", "libvirt", { commands: libvirt, files: { ...able, "/proc/misc": "" } }],
  ["processor-architecture", "virtualbox", { arch: "arm64", commands: virtualbox }],
  ["inotify-watches", "nspawn", { files: { "/proc/sys/fs/inotify/max_user_watches": "4096\n" } }],
  ["open-files", "nspawn", { files: { "/proc/sys/fs/file-nr": "95000\t0\t100000\n" } }],
  ["proxy-url", "nspawn", { env: { https_proxy: "proxy.example.com:3128" } }],
  ["no-proxy-form", "nspawn", { env: { no_proxy: "localhost, *.example.com" } }],
  [
    "subnet-hides-network",
    "nspawn",
    { commands: { [listRoutes]: '[{"dst":"192.168.0.0/16","dev":"tun0"}]' } },
  ],
  [
    "leftover-bridge",
    "nspawn",
    {
      commands: { [listBridges]: bridge },
      files: { "/proc/net/unix": "Num\n0: 2 0 0 1 1 9 /run/other.sock\n" },
    },
  ],
  [
    "virtualbox-inaccessible-machines",
    "virtualbox",
    { commands: { ...virtualbox, "VBoxManage list vms": '"<inaccessible>" {d0e1-2}\n' }, files: able },
  ],
];

/** A machine of the cluster demo in /there, and one of a cluster whose folder is gone. */
const [ours, lost] = ["/there", "/gone"].map((dir) => `${vmNames({ name: "demo", dir }).prefix}core-01`);
const index = {
  "/home/me/.vagrant.d/data/machine-index/index": JSON.stringify({
    machines: { a: { vagrantfile_path: "/there/vagrant" }, b: { vagrantfile_path: "/gone/vagrant" }, c: {} },
  }),
  "/there/cluster.yaml": "version: 1\nname: demo\n",
};
const listVms = { "virsh -c qemu:///system list --all --name": `${ours}\n${lost}\ndemo\n\n` };

describe("the doctor", () => {
  it.each(made)("finds %s (%s)", async (id, provider, host) => {
    expect((await examine(provider, host)).map((finding) => finding.id)).toEqual([id]);
  });

  it("tells machines whose cluster is gone from those of clusters that are there, and from everybody else's", async () => {
    const commands = { ...libvirt, ...listVms };
    const [finding, ...more] = await examine("libvirt", { commands, files: { ...able, ...index } });
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ id: "leftover-machines", evidence: lost });
    expect(finding?.fix).toContain(`undefine ${lost}`);
    const boxes = { ...virtualbox, "VBoxManage list vms": `"${ours}" {a-1}\n"${lost}" {a-2}\n` };
    expect(await examine("virtualbox", { commands: boxes, files: { ...able, ...index } })).toMatchObject([
      { id: "leftover-machines", evidence: lost },
    ]);
    // Where Vagrant keeps no list, nobody knows whose they are.
    expect(await examine("libvirt", { commands, files: able })).toEqual([]);
  });

  it("has seen each of its troubles, here or on a recorded host", () => {
    const hosts = recordedHosts(join(import.meta.dirname, "../../test/fixtures/hosts"));
    const seen = new Set([
      "leftover-machines",
      ...hosts.flatMap(({ expect: ids }) => ids),
      ...made.map(([id]) => id),
    ]);
    expect(troubles.map(({ id }) => id).filter((id) => !seen.has(id))).toEqual([]);
  });

  it("leaves the bridge of a living cluster alone", async () => {
    const table = "Num\n0: 2 0 0 1 1 9 /run/flotilla/old-0123abcd/supervisor.sock\n";
    const host = { commands: { [listBridges]: bridge }, files: { "/proc/net/unix": table } };
    expect(await examine("nspawn", host)).toEqual([]);
  });

  it("offers a network that is free", async () => {
    const address = (name: string, local: string): string =>
      `{"ifname":"${name}","addr_info":[{"family":"inet","local":"${local}","prefixlen":24}]}`;
    const all = `[${address("vboxnet0", "192.168.56.1")},${address("eth0", "192.168.57.9")}]`;
    const [finding] = await examine("nspawn", { commands: { [listAddresses]: all } });
    expect(finding).toMatchObject({
      id: "subnet-in-use",
      severity: "error",
      evidence: "192.168.56.0/24 meets 192.168.56.1/24 of vboxnet0",
      fix: "set network.subnet in cluster.yaml to 192.168.58.0/24, which is free here",
    });
  });

  it("calls it an error when machines cannot even reach each other", async () => {
    const commands = { "iptables -S FORWARD": "-P FORWARD DROP\n" };
    const alone = await examine("nspawn", { commands });
    expect(alone).toMatchObject([{ id: "forward-drop", severity: "warning" }]);
    const files = { "/proc/sys/net/bridge/bridge-nf-call-iptables": "1\n" };
    expect(await examine("nspawn", { commands, files })).toMatchObject([
      { id: "forward-drop", severity: "error" },
    ]);
  });

  it("only warns libvirt, which can emulate, of a processor without virtualization", async () => {
    const files = { "/proc/cpuinfo": "flags : sse2\n" };
    const found = await examine("libvirt", { commands: libvirt, files });
    expect(found).toMatchObject([{ id: "no-hardware-virtualization", severity: "warning" }]);
    const other = await examine("virtualbox", { commands: virtualbox, files });
    expect(other).toMatchObject([{ id: "no-hardware-virtualization", severity: "error" }]);
  });

  it("finds nothing where nothing can be read", async () => {
    expect(await examine("nspawn", {})).toEqual([]);
  });
});

describe("what a provider lacks", () => {
  it("becomes a finding, unless the doctor has said it already", () => {
    const [known] = [{ id: "cgroup-v1", severity: "error", title: "", evidence: "", fix: "" }] as const;
    const root = { code: "E_HOST_LACKS", what: "the rights of root", hint: "use sudo" } as const;
    const findings = lackFindings([{ ...root, id: "cgroup-v1" }, root], [known]);
    expect(findings).toMatchObject([
      { id: "host-lacks", severity: "error", evidence: "the rights of root", fix: "use sudo" },
    ]);
  });
});
