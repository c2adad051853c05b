/**
 * A cluster.yaml that has every key, for the page that lists them. Where its comments name no other default, the value is
 * the default. It is for VirtualBox, whose machines can have the most of what some machines cannot have.
 */
export const completeExample = `# yaml-language-server: $schema=../../schemas/cluster.schema.json
version: 1                      # needed; the format of this file
name: demo                      # needed
provider: virtualbox            # or libvirt, nspawn; default: auto

os:
  name: auto                    # on virtualbox: flatcar
  channel: stable
  version: current              # or one release, such as 4593.2.5
  mirror: https://mirror.example/flatcar   # default: Flatcar's own server

machines:
  count: 3                      # core-01, core-02, core-03
  prefix: core
  memory: 1024                  # MiB, each
  cpus: 1
  metadata: {region: south}     # default: none; a unit asks for it with MachineMetadata=region=south
  overrides:                    # default: none
    core-03: {memory: 2048, cpus: 2, metadata: {region: north}}

network:
  subnet: 192.168.56.0/24       # this host is 192.168.56.1
  first: 11                     # core-01 is 192.168.56.11, core-02 is 192.168.56.12 …
  internet: true

etcd:
  members: 3                    # on core-01, core-02, core-03
  discovery: static             # or local, token, https://discovery.example

fleet:
  agentTtl: 4s                  # silent for so long, a machine loses its units to the others

docker:
  images: [busybox, jlordiales/python-micro-service]
  mirror: true                  # Flatcar and CoreOS go without
  exposeTcp: false

ssh:
  insecureKey: auto             # on virtualbox: inject
  authorizedKeys:               # default: none
    - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g you@example

proxy:                          # default: none; or proxy: from-env
  http: http://me@proxy.example:3128
  https: http://me@proxy.example:3128
  no: [.corp.example, 10.20.30.40]
  passwordFile: ~/.proxy-password

ports: {8080: 18080}            # default: none; port of core-01: port of this host, on loopback

sharedFolders:                  # default: none
  - {host: ~/src, guest: /home/core/src}

vagrant:
  gui: false
  serialLog: false
  cpuCap: 100                   # percent
  shareHome: false
  libvirtDriver: auto           # heeded with libvirt alone

services:                       # default: none
  - services/hello.service

userData:                       # default: none
  write_files:
    - {path: /etc/motd, content: "hello from cluster.yaml\\n"}
`;
