import type { HostNames } from "./names.ts";
import { nspawnName } from "./names.ts";
import type { NodePaths, NodeRecord } from "./record.ts";

/**
 * How a node is started. Two shells and systemd-nspawn:
 *  - the outer one outlives the node and leaves its exit code in a file, so that whoever supervises (also one that came
 *    later) learns how the node ended;
 *  - the inner one joins the node's cgroups, mounts the disk in a mount namespace of its own (so nothing is ever left
 *    mounted, however the node dies), copies the seed onto it and becomes systemd-nspawn.
 */
export interface StartOptions {
  readonly names: HostNames;
  readonly node: NodeRecord;
  readonly paths: NodePaths;
  /** Read-only layers, uppermost first. */
  readonly layers: readonly string[];
  /** The cgroup.procs files to join. */
  readonly joins: readonly string[];
  /** Where the exit code goes. */
  readonly exitFile: string;
}

export interface StartCommand {
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
}

/** systemd-nspawn's exit code when `reboot` was typed inside; the power stays off after any other. */
export const rebootExit = 133;

const outer = `exit_file=$1; shift
unshare --mount --propagation private -- sh -c "$@"
code=$?
echo "$code" > "$exit_file.new" && mv "$exit_file.new" "$exit_file"`;

const inner = `set -e
joins=$1 overlay=$2 root=$3 seed=$4; shift 4
for procs in $joins; do echo $$ > "$procs"; done
mkdir -p /run/systemd/nspawn
mount -t tmpfs -o mode=755 nspawn /run/systemd/nspawn
mount -t overlay -o "$overlay" overlay "$root"
cp -a --remove-destination "$seed/." "$root/"
exec systemd-nspawn "$@"`;

/** Pure: the whole command line. */
export function startCommand(options: StartOptions): StartCommand {
  const { paths } = options;
  const overlay = [
    `lowerdir=${options.layers.map(escapeLower).join(":")}`,
    `upperdir=${escapeOption(paths.upper)}`,
    `workdir=${escapeOption(paths.work)}`,
  ].join(",");
  const inside = [options.joins.join(" "), overlay, paths.root, paths.seed, ...nspawnArguments(options)];
  return {
    argv: ["sh", "-c", outer, "node", options.exitFile, inner, "node", ...inside],
    env: {
      // systemd and docker in the node need version 2, also where the host has version 1 beside it.
      SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: "1",
      // With `yes` systemd-networkd would wait for a udev that is not there.
      SYSTEMD_NSPAWN_API_VFS_WRITABLE: "network",
    },
  };
}

function nspawnArguments({ names, node, paths }: StartOptions): string[] {
  return [
    "--quiet",
    `--directory=${paths.root}`,
    `--machine=${nspawnName(names, node.index)}`,
    `--hostname=${node.name}`,
    "--register=no",
    "--keep-unit",
    `--network-bridge=${names.bridge}`,
    "--boot",
    "--console=read-only",
    "--resolv-conf=off",
    "--timezone=off",
    "--link-journal=no",
    "--capability=all",
    "--drop-capability=CAP_SYS_TIME,CAP_SYS_MODULE",
    "--system-call-filter=add_key keyctl bpf",
    `--bind=${escapeBind(paths.docker)}:/var/lib/docker`,
    "--setenv=TERM=dumb",
  ];
}

/** overlayfs splits its options at commas and its lower directories at colons. */
function escapeOption(path: string): string {
  return path.replaceAll(/[\\,]/g, String.raw`\$&`);
}

function escapeLower(path: string): string {
  return path.replaceAll(/[\\,:]/g, String.raw`\$&`);
}

function escapeBind(path: string): string {
  return path.replaceAll(/[\\:]/g, String.raw`\$&`);
}
