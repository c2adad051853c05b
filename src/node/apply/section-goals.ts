import type { CloudConfig, SectionName, Setting } from "../cloud-config/model.ts";
import type { FileGoal, Goal, LineSetting } from "./goal.ts";

/** What a key of a section is called in the environment of its service. */
function variableName(section: SectionName, key: string): string {
  const exception = exceptions[`${section}.${key}`];
  return exception ?? `${prefixes[section]}${key.toUpperCase()}`;
}

const prefixes: Readonly<Record<SectionName, string>> = {
  etcd: "ETCD_",
  etcd2: "ETCD_",
  fleet: "FLEET_",
  flannel: "FLANNELD_",
  locksmith: "LOCKSMITHD_",
  update: "",
  oem: "",
};

const exceptions: Readonly<Record<string, string>> = {
  "etcd.snapshot_count": "ETCD_SNAPSHOTCOUNT",
  "flannel.interface": "FLANNELD_IFACE",
  "locksmith.window_start": "REBOOT_WINDOW_START",
  "locksmith.window_length": "REBOOT_WINDOW_LENGTH",
};

const services = {
  etcd: "etcd.service",
  etcd2: "etcd2.service",
  fleet: "fleet.service",
  locksmith: "locksmithd.service",
};

/** The drop-ins of etcd, etcd2, fleet and locksmith. They lie in /run, so they are written anew at each boot. */
export function dropInGoals(config: CloudConfig): Goal[] {
  return (["etcd", "etcd2", "fleet", "locksmith"] as const).flatMap((section): Goal[] => {
    const settings = config.sections[section];
    const unit = services[section];
    const lines = settings.map(({ key, value }) => `Environment="${variableName(section, key)}=${value}"\n`);
    const path = `/run/systemd/system/${unit}.d/20-cloudinit.conf`;
    return asFile(settings, { path, text: `[Service]\n${lines.join("")}`, unit });
  });
}

/** /etc/oem-release, when the vendor has an id. */
export function oemGoals(config: CloudConfig): Goal[] {
  const settings = config.sections.oem;
  const value = (key: string): string => settings.find((setting) => setting.key === key)?.value ?? "";
  if (value("id") === "") return [];
  const text = [
    `ID=${value("id")}`,
    `VERSION_ID=${value("version_id")}`,
    `NAME="${value("name")}"`,
    `HOME_URL="${value("home_url")}"`,
    `BUG_REPORT_URL="${value("bug_report_url")}"`,
  ];
  return asFile(settings, { path: "/etc/oem-release", text: `${text.join("\n")}\n`, unit: undefined });
}

/** /run/flannel/options.env; without a line end at its end, as flannel's readers know it. */
export function flannelGoals(config: CloudConfig): Goal[] {
  const settings = config.sections.flannel;
  const lines = settings.map(({ key, value }) => `${variableName("flannel", key)}=${value}`);
  return asFile(settings, { path: "/run/flannel/options.env", text: lines.join("\n"), unit: undefined });
}

/** Lines of /etc/coreos/update.conf. */
export function updateGoals(config: CloudConfig): Goal[] {
  const settings = config.sections.update;
  const [first] = settings;
  if (first === undefined) return [];
  const set = settings.map(({ key, value }): LineSetting => {
    const name = variableName("update", key);
    return { prefix: `${name}=`, line: `${name}=${value}` };
  });
  const path = "/etc/coreos/update.conf";
  const units = ["locksmithd.service", "update-engine.service"];
  return [{ kind: "lines", path, base: "/usr/share/coreos/update.conf", set, units, place: first.place }];
}

/** The services that read update.conf, on machines that have them. */
export function updateCommands(config: CloudConfig): Goal[] {
  const settings = config.sections.update;
  const strategy = settings.find(({ key }) => key === "reboot_strategy");
  const engine = settings.find(({ key }) => key === "group" || key === "server");
  const goals: Goal[] = [];
  if (strategy !== undefined) {
    const command = strategy.value === "off" ? "stop" : "restart";
    goals.push({
      kind: "command",
      unit: "locksmithd.service",
      command,
      ifPresent: true,
      place: strategy.place,
    });
  }
  if (engine !== undefined) {
    const unit = "update-engine.service";
    goals.push({ kind: "command", unit, command: "restart", ifPresent: true, place: engine.place });
  }
  return goals;
}

/** `off` also keeps locksmithd from being started by others, until the next boot. */
export function updateMasks(config: CloudConfig): Goal[] {
  const off = config.sections.update.find(({ key, value }) => key === "reboot_strategy" && value === "off");
  if (off === undefined) return [];
  const unit = "locksmithd.service";
  return [{ kind: "mask", unit, path: `/run/systemd/system/${unit}`, place: off.place }];
}

interface Text {
  readonly path: string;
  readonly text: string;
  readonly unit: string | undefined;
}

function asFile(settings: readonly Setting[], { path, text, unit }: Text): Goal[] {
  const [first] = settings;
  if (first === undefined) return [];
  const content = new TextEncoder().encode(text);
  const file: FileGoal = { kind: "file", path, content, mode: 0o644, owner: undefined, unit };
  return [{ ...file, place: first.place }];
}
