/** Drop-ins that somebody wrote by hand on a node and that win over our proxy settings: theirs to keep, ours to report. */

/** Ours, for docker and for all services. */
const ours = "20-http-proxy.conf";

/** Lists, on a node that has a proxy of ours, the files of others that set proxy variables of services. */
export const overridesCommand =
  `cd /run/systemd/system && ls docker.service.d/${ours} >/dev/null 2>&1 && cd /etc/systemd/system && ` +
  "grep -liE '^[[:space:]]*(Environment(File)?|UnsetEnvironment|PassEnvironment)=.*(http|https|no)_proxy' " +
  "*.service.d/*.conf service.d/*.conf 2>/dev/null; true";

/**
 * What to say of the files that `overridesCommand` has listed. systemd reads drop-ins by name and the last one wins, so one
 * whose name sorts before ours changes nothing; one of the same name in /etc hides ours. Pure.
 */
export function overrides(files: readonly string[]): readonly string[] {
  const listed = files.map((file) => file.trim()).filter((file) => file.endsWith(".conf"));
  return [...new Set(listed)].flatMap((file) => {
    const [folder = "", name = ""] = file.split("/");
    if (name < ours) return [];
    const unit = folder.replace(/\.d$/, "");
    const whose = unit === "service" ? "every service" : unit;
    return [`/etc/systemd/system/${file} is not ours and overrides the proxy of cluster.yaml for ${whose}`];
  });
}
