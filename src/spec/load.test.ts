import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadSpec } from "./load.ts";
import type { ClusterSpec } from "./model.ts";
import type { Problem } from "./problem.ts";

const head = "version: 1\nname: demo\n";

function specOf(text: string): ClusterSpec {
  const loaded = loadSpec(text, "cluster.yaml");
  expect(loaded.ok ? [] : loaded.problems).toEqual([]);
  if (!loaded.ok) throw new Error("unreachable");
  return loaded.spec;
}

function problemsOf(text: string): readonly Problem[] {
  const loaded = loadSpec(text, "cluster.yaml");
  return loaded.ok ? [] : loaded.problems;
}

/** `line:column path message` */
const shown = (text: string): string[] =>
  problemsOf(text).map(({ line, column, path, message }) => `${line}:${column} ${path} ${message}`);

/** The example of the documentation: every key there is. */
const example = `
version: 1
name: demo
provider: auto
os: {name: auto, channel: stable, version: current}
machines:
  count: 3
  prefix: core
  memory: 1024
  cpus: 1
  metadata: {region: local}
  overrides: {core-02: {memory: 2048, metadata: {region: other}}}
network: {subnet: 192.168.56.0/24, first: 11, internet: true}
etcd: {members: 3, discovery: static}
fleet: {agentTtl: 4s}
docker: {images: [busybox], mirror: true, exposeTcp: false}
ssh: {insecureKey: auto, authorizedKeys: []}
proxy: {http: "http://proxy.example:3128", https: "http://proxy.example:3128", no: [.example.com]}
ports: {4001: 4001}
sharedFolders: []
services: [services/hello.service]
userData: {}
`;

describe("cluster.yaml that is right", () => {
  it("may use every key of the documentation's example", () => {
    const spec = specOf(example);
    expect(spec.machines.overrides["core-02"]).toEqual({ memory: 2048, metadata: { region: "other" } });
    expect(spec.fleet.agentTtl).toBe(4_000);
    expect(spec.ports).toEqual({ 4001: 4001 });
    expect(spec.proxy?.no).toEqual([".example.com"]);
  });

  it("needs no more than a version and a name", () => {
    expect(specOf(head)).toMatchObject({
      provider: "auto",
      machines: { count: 3, prefix: "core", memory: 1024, cpus: 1 },
      network: { subnet: "192.168.56.0/24", first: 11, internet: true },
      etcd: { members: 3, discovery: "static" },
      fleet: {},
      docker: { images: ["busybox", "jlordiales/python-micro-service"], mirror: true },
      proxy: undefined,
      services: [],
    });
  });

  it("may have sections whose keys are all commented out", () => {
    expect(specOf(`${head}machines:\n  # count: 5\nproxy:\n`).machines.count).toBe(3);
  });

  it("may begin with a byte order mark and end its lines as Windows does", () => {
    expect(specOf(`\uFEFF${head}machines: {count: 1}\n`.replaceAll("\n", "\r\n")).machines.count).toBe(1);
  });

  it.each([
    [1, 1],
    [2, 1],
    [3, 3],
    [6, 3],
    [7, 5],
    [20, 5],
  ])("gives %i machines %i etcd members when nothing else is said", (count, members) => {
    expect(specOf(`${head}machines: {count: ${count}}`).etcd.members).toBe(members);
  });

  it("reads hyphens in userData as underscores, and says so", () => {
    const loaded = loadSpec(`${head}userData: {coreos: {update: {reboot-strategy: "off"}}}`, "cluster.yaml");
    expect(loaded.ok && loaded.spec.userData).toEqual({ coreos: { update: { reboot_strategy: "off" } } });
    expect(loaded.warnings.map(({ message }) => message)).toEqual([
      '"reboot-strategy" is read as "reboot_strategy"',
    ]);
  });
});

describe("cluster.yaml that is wrong", () => {
  it("has all its problems told at once, in the order of the file, each with its place", () => {
    const text = `version: 1
name: Demo
machines:
  cuont: 3
  memory: 2GB
network: {subnet: 8.8.8.0/24}
etcd: {discovery: public}
services: [/etc/a.service]
`;
    expect(shown(text)).toEqual([
      "2:7 name a name is 1 to 32 lower-case letters, digits and hyphens, beginning with a letter",
      '4:3 machines.cuont unknown key "cuont"',
      '5:11 machines.memory expected a whole number from 256 to 1048576 (MiB), not the text "2GB"',
      "6:19 network.subnet 8.8.8.0/24 is not private: choose one within 192.168.0.0/16, 10.0.0.0/8 or 172.16.0.0/12",
      "7:19 etcd.discovery expected static, local, token, or the https:// address of a discovery service or of a token",
      "8:12 services.0 expected a path relative to cluster.yaml",
    ]);
  });

  it.each([
    ["machines: {cuont: 3}", 'did you mean "count"?'],
    ["machnies: {count: 3}", 'did you mean "machines"?'],
    ["machines: {overrides: {core-01: {mem: 512}}}", "the keys here are memory, cpus and metadata"],
    ["memory: 512", '"memory" belongs under "machines"'],
    ["proxy: {Http: http://proxy:1}", 'did you mean "http"?'],
    ["provider: virtualbx", 'did you mean "virtualbox"?'],
    ["machines: {metadata: {rack: 1}}", 'put it into quotes: "1"'],
    ["machines: {overrides: {core-1: {cpus: 2}}}", 'did you mean "core-01"?'],
    ["userData: {write_file: []}", 'did you mean "write_files"?'],
  ])("%s leads to the hint: %s", (line, hint) => {
    expect(problemsOf(head + line).map((problem) => problem.hint)).toEqual([hint]);
  });

  it.each([
    ["provider: nspawn\nos: {name: coreos, mirror: https://m.example}", "os.name", "needs virtual machines"],
    ["provider: libvirt\nos: {name: flatcar}", "os.name", "no flatcar box"],
    ["provider: virtualbox\nos: {name: coreos}", "os", "no longer published"],
    ["provider: libvirt\nos: {mirror: https://m.example}", "os.mirror", "these machines run debian"],
    ["provider: libvirt\nos: {channel: beta}", "os.channel", "these machines run debian"],
    ["provider: nspawn\nssh: {insecureKey: inject}", "ssh.insecureKey", "own keys only"],
    ["provider: nspawn\nsharedFolders: [{host: /srv, guest: /srv}]", "sharedFolders", "shares no folders"],
    ["provider: nspawn\nvagrant: {serialLog: true}", "vagrant.serialLog", "only Vagrant's machines"],
    ["provider: libvirt\nnetwork: {internet: false}", "network.internet", "reach the Internet"],
    ["provider: libvirt\nvagrant: {cpuCap: 50}", "vagrant.cpuCap", "only VirtualBox"],
    ["sharedFolders: [{host: ./here, guest: /srv}]", "sharedFolders.0.host", "absolute path"],
    ["sharedFolders: [{host: /here, guest: /}]", "sharedFolders.0.guest", "not / itself"],
    ["os: {name: coreos, mirror: ftp://m.example}", "os.mirror", "https://"],
    ["docker: {exposeTcp: true}\nports: {80: 2376}", "ports.80", "the machines' docker"],
  ])("%s is refused, with the reason", (lines, path, reason) => {
    const problems = problemsOf(head + lines);
    expect(problems.map((problem) => problem.path)).toEqual([path]);
    expect(problems[0]?.message).toContain(reason);
  });

  it.each([
    ["[Network]\\nBridge=br0", "bridges a machine"],
    ["[Network]\\nAddress=203.0.113.7/24", "public address 203.0.113.7"],
  ])("Vagrant's insecure key is refused where a unit says %s", (content, reason) => {
    const unit = `userData: {coreos: {units: [{name: 10-eth1.network, content: "${content}"}]}}`;
    const problems = problemsOf(`${head}provider: virtualbox\n${unit}`);
    expect(problems.map((problem) => problem.message)).toEqual([expect.stringContaining(reason)]);
    expect(problemsOf(`${head}provider: virtualbox\nssh: {insecureKey: off}\n${unit}`)).toEqual([]);
    expect(problemsOf(head + unit.replace("203.0.113.7", "10.0.3.7").replace("Bridge", "DNS"))).toEqual([]);
  });

  it.each([["provider: ssh", "provider"]])("%s is not supported yet", (line, path) => {
    const problems = problemsOf(head + line);
    expect(problems.map((problem) => problem.path)).toEqual([path]);
    expect(problems[0]?.message).toMatch(/not supported yet$/);
  });

  it.each([
    ["machines: {count: 0}", "machines.count"],
    ["machines: {prefix: my_core}", "machines.prefix"],
    ["machines: {memory: 64}", "machines.memory"],
    ["machines: {metadata: {region: 'a,b'}}", "machines.metadata.region"],
    ["machines: {overrides: {core-04: {cpus: 2}}}", "machines.overrides.core-04"],
    ["network: {subnet: 192.168.56.1/24}", "network.subnet"],
    ["network: {subnet: 192.168.56.0/30}", "network.subnet"],
    ["network: {subnet: 172.17.8.0/24}", "network.subnet"],
    ["network: {subnet: 192.168.300.0/24}", "network.subnet"],
    ["network: {first: 1}", "network.first"],
    ["network: {first: 253}", "network.first"],
    ["etcd: {members: 2}", "etcd.members"],
    ["etcd: {members: 5}", "etcd.members"],
    ["fleet: {agentTtl: 1500ms}", "fleet.agentTtl"],
    ["fleet: {agentTtl: 1s}", "fleet.agentTtl"],
    ["fleet: {agentTtl: soon}", "fleet.agentTtl"],
    ["docker: {images: [nginx]}", "docker.images.0"],
    ["docker: {images: [busybox, busybox]}", "docker.images.1"],
    ["docker: {images: [busybox], mirror: false}", "docker.images"],
    ["ssh: {authorizedKeys: [~/.ssh/id_ed25519.pub]}", "ssh.authorizedKeys.0"],
    ["ssh: {authorizedKeys: ['ssh-ed25519 AAAA me']}", "ssh.authorizedKeys.0"],
    ["proxy: {http: 'proxy.example:3128'}", "proxy.http"],
    ["proxy: {http: 'socks5://proxy.example'}", "proxy.http"],
    ["proxy: {no: [.example.com]}", "proxy"],
    ["proxy: {http: 'http://p:1', no: ['*']}", "proxy.no.0"],
    ["proxy: {http: 'http://p:1', no: ['a*.example.com']}", "proxy.no.0"],
    ["proxy: {http: 'http://p:1', no: 'a, http://b'}", "proxy.no"],
    ["proxy: {http: 'http://p:1', passwordFile: secret}", "proxy.passwordFile"],
    [`proxy: {http: 'http://me:a"b@p:1'}`, "proxy.http"],
    ["proxy: {http: 'http://me:50%@p:1'}", "proxy.http"],
    ["etcd: {discovery: sometimes}", "etcd.discovery"],
    ["etcd: {discovery: 'http://a b'}", "etcd.discovery"],
    ["ports: {0: 80}", "ports.0"],
    ["ports: {80: 70000}", "ports.80"],
    ["ports: {80: 8080, 81: 8080}", "ports.81"],
    ["ports: {80: 2223}", "ports.80"],
    ["services: [../a.service]", "services.0"],
    ["services: [a.txt]", "services.0"],
    ["services: [a/x.service, b/x.service]", "services.1"],
    ["userData: {hostname: other}", "userData.hostname"],
    ["userData: {coreos: {etcd2: {initial-cluster: x}}}", "userData.coreos.etcd2.initial-cluster"],
    ["userData: {coreos: {units: {name: x}}}", "userData.coreos.units"],
    ["provider: nspawn\nos: {name: flatcar}", "os.name"],
    ["provider: nspawn\nos: {channel: beta}", "os.channel"],
    ["machines: []", "machines"],
  ])("%s is refused at %s", (line, path) => {
    expect(problemsOf(head + line).map((problem) => problem.path)).toEqual([path]);
  });

  it("tells the place of YAML's own errors", () => {
    expect(shown("version: 1\nname: a\nname: b\n")).toEqual(["3:1  map keys must be unique"]);
    expect(shown(`${head}machines:\n\tcount: 3\n`)[0]).toMatch(/^4:1 .*tab/i);
    expect(shown(`${head}services: [a\n`)[0]).toMatch(/^4:1 /);
    expect(shown("")).toEqual(["1:1  the file is empty"]);
    expect(shown("- a")).toEqual(["1:1  expected a map with version, name …"]);
  });

  it("never repeats a proxy's password", () => {
    const loaded = loadSpec(
      `${head}proxy: {http: "http://me:s3cret@proxy:1/path", https: "ftp://me:s3cret@p"}`,
      "c",
    );
    expect(JSON.stringify(loaded)).not.toContain("s3cret");
  });

  it("is never answered with an exception", () => {
    const noise = fc.array(fc.constantFrom(..."abv1:-[]{}&*!|>'\"%@`#, \n\t\uFEFF?".split("")), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(noise, (parts) => {
        expect(loadSpec(head + parts.join(""), "cluster.yaml")).toHaveProperty("ok");
      }),
    );
  });
});

describe("warnings", () => {
  it.each([
    ['proxy: {http: "http://me:secret@proxy:3128"}', "proxy.http"],
    ['proxy: {http: "http://p:1", no: "*.a.example"}', "proxy.no"],
    ['proxy: {http: "http://p:1", no: ["a b"]}', "proxy.no.0"],
    ['proxy: {http: "http://p:1", no: [10.0.0.0/8]}', "proxy.no.0"],
    ["proxy: from-env", "proxy"],
    ["provider: virtualbox\nnetwork: {subnet: 10.1.0.0/24}", "network.subnet"],
    ["provider: virtualbox\nnetwork: {first: 99}", "network.first"],
  ])("%s is accepted with a word about %s", (line, path) => {
    const loaded = loadSpec(head + line, "cluster.yaml");
    expect(loaded.ok).toBe(true);
    expect(loaded.warnings.map((warning) => warning.path)).toEqual([path]);
  });
});
