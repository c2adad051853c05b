/** What `cluster init NAME` writes, as texts: the caller decides where. */

export interface ScaffoldFile {
  /** Relative to the cluster's folder. */
  readonly path: string;
  readonly content: string;
}

/**
 * The files of a new cluster: a commented cluster.yaml and a service. `more` are further files for the folder, such as
 * a scenario. `schema` is where an editor finds the JSON Schema, as seen from cluster.yaml.
 */
export function scaffold(
  name: string,
  more: readonly ScaffoldFile[] = [],
  schema = "../../schemas/cluster.schema.json",
): ScaffoldFile[] {
  return [
    { path: "cluster.yaml", content: clusterYaml(name, schema) },
    { path: "services/hello.service", content: helloService },
    ...more,
  ];
}

function clusterYaml(name: string, schema: string): string {
  return `# yaml-language-server: $schema=${schema}
# A Flotilla cluster. 'cluster validate' checks this file, 'cluster up' makes the machines.
# docs/cluster-yaml.md explains every key. Only version and name are needed; what is commented out is the default, or an
# example where it says so.
version: 1
name: ${name}

# provider: auto              # virtualbox, else libvirt with KVM, else nspawn (Linux, root)

machines:
  count: 3                    # core-01, core-02, core-03
  # prefix: core
  # memory: 1024              # MiB
  # cpus: 1
  # metadata: {region: local} # an example; for MachineMetadata= in units
  # overrides:                # an example; single machines
  #   core-02: {memory: 2048, metadata: {region: other}}

# network:
#   subnet: 192.168.56.0/24   # the first address is the gateway
#   first: 11                 # core-01 is 192.168.56.11
#   internet: true

# etcd:
#   members: 3                # 1, 3 or 5; survives the loss of 0, 1 or 2

# fleet:
#   agentTtl: 4s              # a machine that is silent for so long loses its units to the others; on virtual
#                             # machines of our Debian box the default is 10s, with libvirtDriver: qemu 20s

# proxy:                      # an example; or 'proxy: from-env' for what HTTP_PROXY says
#   http: http://proxy.example:3128
#   https: http://proxy.example:3128
#   no: [.example.com]

# ports: {8080: 18080}        # an example; port of the first machine: port of this host, on loopback

services:                     # submitted and started by 'cluster up'
  - services/hello.service
`;
}

const helloService = `[Unit]
Description=My Service
After=docker.service
Requires=docker.service

[Service]
ExecStartPre=-/usr/bin/docker kill hello
ExecStartPre=-/usr/bin/docker rm hello
ExecStartPre=/usr/bin/docker pull busybox
ExecStart=/usr/bin/docker run --name hello busybox /bin/sh -c "while true; do echo Hello World; sleep 1; done"
ExecStop=/usr/bin/docker stop hello
`;
