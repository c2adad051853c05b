import { describe, expect, it } from "vitest";
import type { ProviderName } from "../spec/model.ts";
import { aCluster, vagrantFolderOf } from "../../test/support/rendered-cluster.ts";

const golden = (name: string): string => `../../test/fixtures/render/${name}`;

function contentOf(lines: string, path: string, provider: ProviderName = "virtualbox"): string {
  return vagrantFolderOf(aCluster(lines), provider).find((file) => file.path === path)?.content ?? "";
}

const six = `
machines: {count: 6, prefix: box, memory: 2048, cpus: 2, overrides: {box-02: {memory: 4096, cpus: 4}}}
network: {subnet: 192.168.60.0/25}
os: {channel: beta, version: "4757.1.0"}
ports: {4001: 4001, 8080: 18080}
`;

/** What a user may want of a folder, by the name of the golden files. */
const folders: Readonly<Record<string, readonly [lines: string, provider?: ProviderName]>> = {
  defaults: [""],
  six: [six],
  folders: [
    "sharedFolders: [{host: ~/work, guest: /work}, {host: 'C:\\it\\s', guest: /srv}]\nvagrant: {shareHome: true}",
  ],
  "serial-log": ["vagrant: {serialLog: true, gui: true, cpuCap: 50}"],
  "docker-tcp": ["docker: {exposeTcp: true}"],
  forwards: ["ports: {4001: 4001, 8080: 18080}"],
  coreos: ["os: {name: coreos, channel: alpha, version: 1122.3.0, mirror: 'https://mirror.example/coreos/'}"],
  libvirt: ["vagrant: {libvirtDriver: qemu}", "libvirt"],
};

describe("the Vagrant folder", () => {
  it.each(Object.entries(folders))("%s is word for word what it was", async (name, [lines, provider]) => {
    for (const path of ["Vagrantfile", "config.rb"]) {
      await expect(contentOf(lines, path, provider)).toMatchFileSnapshot(golden(`${name}/${path}`));
    }
  });

  it("brings our executable to systems that do not have it, and to no other", () => {
    const executable = { source: "/opt/it's/flotilla-node", sha256: "0123456789abcdef".repeat(4) };
    const vagrantfile = (lines: string, provider: ProviderName): string =>
      vagrantFolderOf(aCluster(lines), provider, { executable })[0]?.content ?? "";
    expect(vagrantfile("", "virtualbox")).toContain(
      String.raw`'executable' => { 'source' => '/opt/it\'s/flotilla-node', 'sha256' => '${executable.sha256}', 'path' => '/opt/bin/flotilla-node-0123456789abcdef' }`,
    );
    expect(vagrantfile("", "libvirt")).toContain("'executable' => nil");
    expect(vagrantfile("os: {name: debian}", "virtualbox")).toContain("'executable' => nil");
  });

  it("has each machine's cloud-config and the operator's key, for nobody else to read", () => {
    const files = vagrantFolderOf(aCluster());
    expect(files.map(({ path, mode }) => `${path} ${mode.toString(8)}`)).toEqual([
      "Vagrantfile 644",
      "config.rb 644",
      "ssh/operator 600",
      "cloud-config/core-01.yaml 600",
      "cloud-config/core-02.yaml 600",
      "cloud-config/core-03.yaml 600",
    ]);
  });

  it("takes user-data of any size: it is uploaded, and no guest property of VirtualBox's, which end at 1024 bytes", () => {
    const content = "x".repeat(1_000_000);
    const lines = `userData: {write_files: [{path: /etc/large, content: ${content}}]}`;
    expect(contentOf(lines, "cloud-config/core-01.yaml").length).toBeGreaterThan(1_000_000);
    const vagrantfile = contentOf(lines, "Vagrantfile");
    expect(vagrantfile.length).toBeLessThan(20_000);
    expect(vagrantfile).toContain("provision 'user-data', type: :file");
    expect(vagrantfile).not.toMatch(/guestproperty|ignition/i);
  });

  it("opens this host's loopback to VirtualBox's machines only where the proxy is there", () => {
    const vagrantfile = (proxy: string, provider: ProviderName): string =>
      contentOf(`proxy: {http: "${proxy}"}`, "Vagrantfile", provider);
    expect(vagrantfile("http://127.0.0.1:3128", "virtualbox")).toContain("'host_loopback' => true");
    expect(vagrantfile("http://proxy.example:3128", "virtualbox")).toContain("'host_loopback' => false");
    expect(vagrantfile("http://127.0.0.1:3128", "libvirt")).toContain("'host_loopback' => false");
  });

  it("is the same for the same cluster, byte for byte", () => {
    expect(vagrantFolderOf(aCluster(six))).toEqual(vagrantFolderOf(aCluster(six)));
  });

  it("names every variable that coreos-vagrant's users know", () => {
    const text = contentOf("", "config.rb");
    const names = [...text.matchAll(/^\$(\w+) =/gm)].map(([, name]) => name);
    expect(names).toEqual([
      "num_instances",
      "instance_name_prefix",
      "update_channel",
      "new_discovery_url",
      "image_version",
      "vm_gui",
      "vm_memory",
      "vm_cpus",
      "vb_cpuexecutioncap",
      "libvirt_driver",
      "libvirt_disk_cache",
      "forwarded_ports",
      "expose_docker_tcp",
      "enable_serial_logging",
      "share_home",
      "shared_folders",
    ]);
  });
});
