/** The units whose journal tells how a node came up. */
const units = ["flotilla-cloudinit", "ssh", "etcd2", "etcd-gateway", "docker", "fleet"];

/** Reads, on a node, what those units have said since it booted. `flags` are journalctl's. */
export function journalCommand(flags: string): string {
  const named = units.map((unit) => `-u ${unit}`).join(" ");
  return `sudo journalctl --no-pager -b -o short-iso ${named} ${flags}`.trimEnd();
}
