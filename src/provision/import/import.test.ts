import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { loadSpec } from "../../spec/load.ts";
import { importCluster } from "./import.ts";

const configRb = `# Size of the CoreOS cluster created by Vagrant
$num_instances=3

# Used to fetch a new discovery token for a cluster of size $num_instances
$new_discovery_url="https://discovery.etcd.io/new?size=#{$num_instances}"

if File.exists?('user-data') && ARGV[0].eql?('up')
  require 'open-uri'
  token = open($new_discovery_url).read
end

$instance_name_prefix="node"
$update_channel='beta'
$image_version = "1122.3.0"
#$vm_memory = 512
$vm_cpus = 2
$vb_memory = 2048
$expose_docker_tcp=2375
$enable_serial_logging=true
$shared_folders = {'/home/me/work' => '/work', './here' => '/srv', '/x' => 'y'}
$forwarded_ports = { 80 => 8080, 2222 => 2222 }
$vm_gui = ENV['GUI'] == 'yes'
$mine = 1
`;

const userData = `\uFEFF#cloud-config

hostname: coreos
ssh-authorized-keys:
  - ssh-rsa nonsense
write-files:
  - path: /etc/motd
    permissions: 0644
    content: at $private_ipv4, not 172.17.8.101
coreos:
  etcd2:
    advertise-client-urls: http://$public_ipv4:2379
    heartbeat-interval: 200
  fleet:
    public-ip: $public_ipv4
    metadata: region=eu,disk=ssd
    agent-ttl: 30s
  update:
    reboot-strategy: off
  units:
    - name: etcd2.service
      command: start
    - name: fleet.service
      command: start
    - name: flanneld.service
      drop-ins:
        - name: 50-network-config.conf
          content: |
            [Service]
            ExecStartPre=/usr/bin/etcdctl set /coreos.com/network/config '{ "Network": "10.1.0.0/16" }'
      command: start
    - name: docker-tcp.socket
      command: start
      enable: yes
      content: |
        [Socket]
        ListenStream=2375
`.replaceAll("\n", "\r\n");

describe("a coreos-vagrant folder", () => {
  it("becomes a cluster.yaml, with a list of what did not fit", () => {
    const { yaml, notes } = importCluster({ name: "old", dir: "/old", configRb, userData });
    expect(parse(yaml)).toEqual({
      version: 1,
      name: "old",
      provider: "virtualbox",
      os: { channel: "beta" },
      machines: { count: 3, prefix: "node", cpus: 2, memory: 2048, metadata: { region: "eu", disk: "ssd" } },
      docker: { exposeTcp: true },
      vagrant: { serialLog: true },
      sharedFolders: [
        { host: "/home/me/work", guest: "/work" },
        { host: "/old/here", guest: "/srv" },
      ],
      ports: { 80: 8080 },
      ssh: { authorizedKeys: [] },
      fleet: { agentTtl: "30s" },
      userData: {
        write_files: [
          { path: "/etc/motd", permissions: "0644", content: "at $private_ipv4, not 172.17.8.101" },
        ],
        coreos: {
          etcd2: { heartbeat_interval: 200 },
          units: [expect.objectContaining({ name: "flanneld.service", drop_ins: [expect.anything()] })],
        },
      },
    });
    expect(notes).toEqual([
      "config.rb:5 $new_discovery_url: etcd's members are listed, no token is needed; for one, set etcd.discovery",
      "config.rb:14 $image_version: release 1122.3.0 is one of CoreOS's; the newest Flatcar is taken",
      "config.rb:21 $forwarded_ports: ports lead to the first machine only, not to every one",
      "config.rb:22 $vm_gui: it is computed; write its value into cluster.yaml",
      "config.rb:23 $mine: coreos-vagrant has no such setting",
      "config.rb, lines 7, 8, 9, 10: Ruby that computes something is not carried over",
      "user-data hostname: names come from machines.prefix",
      "user-data coreos.etcd2: the cluster sets these by itself: advertise_client_urls",
      "user-data coreos.fleet: the cluster sets these by itself: public_ip",
      "user-data flanneld.service: only Flatcar and CoreOS have it; leave it out elsewhere",
      "user-data names addresses in 172.17.8.0/24: the machines are 192.168.56.11 and on",
      expect.stringMatching(/^sharedFolders\.2\.guest: expected an absolute path/),
      expect.stringMatching(/^ports\.2222: /),
      expect.stringMatching(/^ssh\.authorizedKeys\.0: /),
    ]);
    expect(loadSpec(yaml, "cluster.yaml").ok).toBe(true);
  });

  it("means what coreos-vagrant meant by an empty config.rb", () => {
    const { yaml } = importCluster({ name: "old", dir: "/old", configRb: "", userData: undefined });
    expect(parse(yaml)).toMatchObject({ os: { channel: "alpha" }, machines: { count: 1, prefix: "core" } });
  });

  it("that cannot be read is refused, with the place", () => {
    expect(() =>
      importCluster({ name: "old", dir: "/old", configRb: "$x = 'a", userData: undefined }),
    ).toThrow(expect.objectContaining({ code: "E_CONFIG_INVALID", details: ["config.rb:1"] }));
    const broken = "#cloud-config\na: [1\n";
    expect(() => importCluster({ name: "old", dir: "/old", configRb: undefined, userData: broken })).toThrow(
      "user-data is no YAML",
    );
  });

  it("whose user-data is a script keeps it out, and says so", () => {
    const { notes } = importCluster({
      name: "old",
      dir: "/old",
      configRb: undefined,
      userData: "#!/bin/sh\n",
    });
    expect(notes).toEqual([expect.stringContaining("it is no #cloud-config")]);
  });

  it("always becomes a valid cluster.yaml, whatever its values", () => {
    const value = fc.constantFrom(
      "0",
      "-1",
      "'x y'",
      "nil",
      "true",
      "{}",
      "{ 1 => 'a', 'b' => nil }",
      "[3]",
      "'#{x}'",
      "99999",
    );
    const name = fc.constantFrom(
      "num_instances",
      "instance_name_prefix",
      "update_channel",
      "vm_memory",
      "vb_gui",
      "forwarded_ports",
      "shared_folders",
      "expose_docker_tcp",
      "share_home",
      "vb_cpuexecutioncap",
    );
    const key = fc.constantFrom(
      "hostname",
      "write-files",
      "users",
      "coreos",
      "unknown",
      "ssh-authorized-keys",
    );
    const thing = fc.constantFrom<unknown>(
      null,
      1,
      "x",
      [],
      {},
      [{}],
      { units: 3 },
      { fleet: { metadata: "a" }, etcd2: [] },
      { etcd2: { name: 1 }, nothing: {} },
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value)), fc.dictionary(key, thing), (settings, data) => {
        const rb = settings.map(([own, literal]) => `$${own} = ${literal}\n`).join("");
        const { yaml } = importCluster({
          name: "old",
          dir: "/old",
          configRb: rb,
          userData: `#cloud-config\n${JSON.stringify(data)}`,
        });
        expect(loadSpec(yaml, "cluster.yaml").ok).toBe(true);
      }),
      { numRuns: 40 },
    );
  });
});
