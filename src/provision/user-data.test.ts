import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { aCluster, userDataOf } from "../../test/support/rendered-cluster.ts";
import { cloudConfigText } from "./cloud-config-text.ts";

const golden = (name: string): string => `../../test/fixtures/render/${name}`;

interface CloudConfig {
  readonly hostname: string;
  readonly ssh_authorized_keys: readonly string[];
  readonly write_files: readonly { path: string; permissions: string; owner: string; content: string }[];
  readonly coreos: {
    readonly etcd2?: Record<string, unknown>;
    readonly fleet?: Record<string, unknown>;
    readonly update?: Record<string, unknown>;
    readonly units: readonly {
      name: string;
      command?: string;
      content?: string;
      drop_ins?: { name: string; content: string }[];
    }[];
  };
}

/** Read by YAML 1.1's rules, as the older cloudinit does. */
const read = (text: string): CloudConfig => parse(text, { version: "1.1" }) as CloudConfig;

describe("a node's cloud-config", () => {
  it("is, for a container, word for word what it was", async () => {
    await expect(userDataOf(aCluster(), 1)).toMatchFileSnapshot(golden("nspawn-core-01.yaml"));
  });

  it("is, for a machine that is no etcd member and has a proxy, word for word what it was", async () => {
    const cluster = aCluster(`
machines: {count: 4, metadata: {region: local, disk: ssd}}
proxy: {http: "http://me:p%40ss%22w@proxy.example:3128", https: "http://proxy.example:3128", no: [.example.com]}
fleet: {agentTtl: 6s}
`);
    await expect(userDataOf(cluster, 4)).toMatchFileSnapshot(golden("nspawn-proxy-core-04.yaml"));
  });

  it("is, for Flatcar, word for word what it was", async () => {
    await expect(userDataOf(aCluster(), 2, "virtualbox")).toMatchFileSnapshot(golden("flatcar-core-02.yaml"));
    const four = aCluster("machines: {count: 4}");
    await expect(userDataOf(four, 4, "virtualbox")).toMatchFileSnapshot(golden("flatcar-core-04.yaml"));
  });

  it("sets Flatcar's etcd up as our image's: its history does not grow for ever, and our clients may ping it", () => {
    const [unit] = read(userDataOf(aCluster(), 2, "virtualbox")).coreos.units;
    const content = unit?.drop_ins?.[0]?.content ?? "";
    const ours = readFileSync("templates/node/rootfs/usr/lib/systemd/system/etcd2.service", "utf8");
    for (const name of [
      "ENABLE_V2",
      "GRPC_KEEPALIVE_MIN_TIME",
      "AUTO_COMPACTION_MODE",
      "AUTO_COMPACTION_RETENTION",
    ]) {
      const [setting] = new RegExp(`ETCD_${name}=.*`).exec(ours) ?? ["missing in etcd2.service"];
      expect(content).toContain(`Environment="${setting}"`);
    }
  });

  it("begins with the exact header, and has neither tabs nor hyphens in keys", () => {
    const text = userDataOf(aCluster("proxy: {http: 'http://p:1'}"), 1);
    expect(text.startsWith("#cloud-config\n")).toBe(true);
    expect(text).not.toContain("\t");
    const config = read(text);
    expect(
      [...Object.keys(config), ...Object.keys(config.coreos)].filter((key) => key.includes("-")),
    ).toEqual([]);
  });

  it("lets a machine without etcd reach it through the gateway", () => {
    const { coreos } = read(userDataOf(aCluster("machines: {count: 4}"), 4));
    expect(coreos.etcd2).toBeUndefined();
    expect(coreos.units.map(({ name }) => name)).toEqual([
      "etcd-gateway.service",
      "docker.service",
      "fleet.service",
    ]);
    expect(coreos.units[0]?.drop_ins?.[0]?.content).toContain(
      'Environment="ETCD_GATEWAY_ENDPOINTS=192.168.56.11:2379,192.168.56.12:2379,192.168.56.13:2379"',
    );
  });

  it("pins every host key under name and address, and restricts the nodes' own key to the subnet", () => {
    const config = read(userDataOf(aCluster(), 1));
    const known =
      config.write_files.find(({ path }) => path === "/home/core/.ssh/known_hosts")?.content ?? "";
    expect(known.split("\n").map((line) => line.split(" ")[0])).toEqual([
      "core-01,192.168.56.11",
      "core-02,192.168.56.12",
      "core-03,192.168.56.13",
      "",
    ]);
    expect(config.ssh_authorized_keys[1]).toMatch(/^from="192\.168\.56\.0\/24" ssh-ed25519 /);
  });

  it("keeps private keys from everyone but their owner", () => {
    const secrets = read(userDataOf(aCluster(), 1)).write_files.filter(({ content }) =>
      content.includes("PRIVATE KEY"),
    );
    expect(secrets.map(({ path, owner, permissions }) => [path, owner, permissions])).toEqual([
      ["/etc/ssh/ssh_host_ed25519_key", "root:root", "0600"],
      ["/home/core/.ssh/id_ed25519", "core:core", "0600"],
    ]);
  });

  it("has no word of a proxy when there is none", () => {
    expect(userDataOf(aCluster(), 1)).not.toMatch(/proxy/i);
  });

  it("reaches all nodes, the mirror and what the user names without the proxy", () => {
    const text = userDataOf(aCluster("proxy: {http: 'http://p:1', no: [.example.com, localhost]}"), 1);
    const value = /"NO_PROXY=([^"]*)"/.exec(text.replaceAll("\\", ""))?.[1];
    expect(value).toBe(
      "localhost,127.0.0.1,::1,core-01,192.168.56.11,core-02,192.168.56.12,core-03,192.168.56.13,192.168.56.1,.example.com",
    );
  });

  it("gives a proxy on this host's loopback the address that the node sees it at", () => {
    const cluster = aCluster("proxy: {http: 'http://me:p%40w@127.0.0.1:3128', https: 'http://localhost:80'}");
    const inContainer = userDataOf(cluster, 1);
    expect(inContainer).toContain("HTTP_PROXY='http://me:p%40w@192.168.56.1:3128'");
    expect(inContainer).toContain("HTTPS_PROXY='http://192.168.56.1:80'");
    expect(inContainer).toContain('Acquire::http::Proxy "http://me:p%40w@192.168.56.1:3128";');
    expect(userDataOf(cluster, 1, "virtualbox")).toContain("HTTP_PROXY='http://me:p%40w@10.0.2.2:3128'");
  });

  it("has etcd ask a discovery service, through the proxy that etcd asks it through", () => {
    const cluster = aCluster("etcd: {discovery: token}\nproxy: {http: 'http://me:p%40w@p:1'}");
    const discovery = { url: "https://discovery.example/abc" };
    const { coreos } = read(userDataOf(cluster, 1, "nspawn", { discovery }));
    expect(coreos.etcd2).toMatchObject({ discovery: discovery.url, discovery_fallback: "exit" });
    expect(coreos.etcd2).not.toHaveProperty("initial_cluster");
    expect(coreos.units[0]).toMatchObject({
      name: "etcd2.service",
      drop_ins: [{ content: '[Service]\nEnvironment="ETCD_DISCOVERY_PROXY=http://me:p%%40w@p:1"\n' }],
    });
  });

  it("lists the members for a machine that is made again, under the token's name", () => {
    const url = "http://192.168.56.1:8087/abc";
    const { coreos } = read(
      userDataOf(aCluster("etcd: {discovery: local}"), 1, "nspawn", { discovery: { url }, again: true }),
    );
    expect(coreos.etcd2).toMatchObject({ initial_cluster_token: url, initial_cluster_state: "existing" });
    expect(coreos.etcd2).not.toHaveProperty("discovery");
  });

  it("takes in the user's own: lists after ours, maps merged, single values replaced", () => {
    const { coreos, write_files } = read(
      userDataOf(
        aCluster(`userData:
  write_files: [{path: /etc/motd, content: hello}]
  coreos: {etcd2: {election_timeout: 900}, fleet: {verbosity: 1}, units: [{name: a.service, command: start}]}`),
        1,
      ),
    );
    expect(write_files.at(-1)).toEqual({ path: "/etc/motd", content: "hello" });
    expect(coreos.units.at(-1)).toEqual({ name: "a.service", command: "start" });
    expect(coreos.etcd2).toMatchObject({ election_timeout: 900, heartbeat_interval: 100, name: "core-01" });
    expect(coreos.fleet).toMatchObject({ verbosity: 1, agent_ttl: "4s" });
  });

  it("is refused for a system that the provider does not run", () => {
    expect(() => userDataOf(aCluster("os: {name: flatcar}"), 1)).toThrow(/needs virtual machines/);
  });

  it.each([
    [
      "the legacy CoreOS",
      "os: {name: coreos, mirror: https://m.example}\nmachines: {count: 4}",
      "virtualbox",
      4,
      "coreos-core-04",
    ],
    [
      "the legacy CoreOS's members",
      "os: {name: coreos, mirror: https://m.example}",
      "virtualbox",
      1,
      "coreos-core-01",
    ],
    ["Debian on libvirt", "docker: {exposeTcp: true}", "libvirt", 1, "libvirt-core-01"],
    [
      "Flatcar with docker's port, a proxy and keys",
      "docker: {exposeTcp: true}\nproxy: {http: 'http://p:1'}",
      "virtualbox",
      1,
      "flatcar-full-core-01",
    ],
  ] as const)("is, for %s, word for word what it was", async (_, lines, provider, index, name) => {
    const extras = {
      insecureKey: "-----BEGIN RSA PRIVATE KEY-----\nnone\n-----END RSA PRIVATE KEY-----\n",
      executable: "0123456789abcdef".repeat(4),
    };
    await expect(userDataOf(aCluster(lines), index, provider, extras)).toMatchFileSnapshot(
      golden(`${name}.yaml`),
    );
  });

  it.each([
    ["static", undefined],
    ["local", { url: "http://192.168.56.1:8087/abc" }],
    ["token", { url: "https://discovery.example/abc" }],
  ])("is, with %s discovery, word for word what it was", async (discovery, given) => {
    const cluster = aCluster(`etcd: {discovery: ${discovery}}`);
    const extras = given === undefined ? {} : { discovery: given };
    const name = golden(`flatcar-discovery-${discovery}.yaml`);
    await expect(userDataOf(cluster, 1, "virtualbox", extras)).toMatchFileSnapshot(name);
  });

  it("lays Vagrant's insecure key on Vagrant's machines only, for core alone to read", () => {
    const extras = { insecureKey: "KEY" };
    const config = read(userDataOf(aCluster(), 1, "virtualbox", extras));
    expect(config.ssh_authorized_keys[2]).toMatch(/^ssh-rsa .* vagrant insecure public key$/);
    expect(config.write_files).toContainEqual({
      path: "/home/core/.ssh/insecure_private_key",
      owner: "core:core",
      permissions: "0600",
      content: "KEY\n",
    });
    for (const text of [
      userDataOf(aCluster(), 1, "nspawn", extras),
      userDataOf(aCluster("ssh: {insecureKey: off}"), 1, "virtualbox", extras),
    ]) {
      expect(text).not.toMatch(/vagrant insecure|insecure_private_key"/);
    }
  });

  it("writes addresses out where $public_ipv4 cannot be trusted", () => {
    const cluster = aCluster(`userData:
  write_files: [{path: /a, content: "$public_ipv4:80 $private_ipv4 \\\\$public_ipv4"}]`);
    const content = (provider: "nspawn" | "virtualbox"): string | undefined =>
      read(userDataOf(cluster, 2, provider)).write_files.at(-1)?.content;
    expect(content("virtualbox")).toBe("192.168.56.12:80 192.168.56.12 \\$public_ipv4");
    expect(content("nspawn")).toBe("$public_ipv4:80 $private_ipv4 \\$public_ipv4");
  });

  it("is refused, with the reason, when `auto` ends at a provider that cannot have what is asked for", () => {
    const cluster = aCluster("sharedFolders: [{host: /srv, guest: /srv}]");
    expect(() => userDataOf(cluster, 1, "nspawn")).toThrow(/nspawn shares no folders/);
    expect(() => userDataOf(cluster, 1, "libvirt")).not.toThrow();
  });

  it("reads back as what was written, whatever the texts, by the rules of both YAML versions", () => {
    const nasty = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "off",
        "0644",
        "1:30",
        "~",
        "- a",
        "a: b",
        "#",
        "%",
        "\ta\n",
        " a\n",
        "a \n",
        "a\r\nb\n",
        "\u2028x\n",
        "\uFEFF",
        "a\n\n",
      ),
      fc.string().map((text) => `${text}\n`),
    );
    fc.assert(
      fc.property(fc.array(nasty), (texts) => {
        const text = cloudConfigText({ texts, map: { inner: texts } });
        for (const version of ["1.1", "1.2"] as const) {
          expect(parse(text, { version })).toEqual({ texts, map: { inner: texts } });
        }
        expect(/[\u007f-\u009f\u2028\u2029\uFEFF]/.test(text)).toBe(false);
      }),
    );
  });
});
