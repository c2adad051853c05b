import { type Exec, lastLines } from "../../foundation/exec.ts";
import { type LayerName, layerNames, type Layers } from "./layer.ts";

/** The units that make up a layer. */
const unitsOf: Readonly<Record<LayerName, readonly string[]>> = {
  "cloud-config": ["flotilla-cloudinit.service"],
  etcd: ["etcd2.service", "etcd-gateway.service"],
  docker: ["docker.service", "containerd.service"],
  fleet: ["fleet.service", "fleet.socket"],
};

/** For people: what each layer that does not work says of itself, its units and their last 10 journal lines. */
export async function explain(layers: Layers, exec: Exec): Promise<string> {
  const parts: string[] = [];
  for (const name of layerNames) {
    const { ok, detail } = layers[name];
    parts.push(`${name}: ${ok ? "ok" : (detail ?? "not ready")}`);
    if (ok) continue;
    for (const unit of unitsOf[name]) parts.push(...(await explainUnit(unit, exec)));
  }
  const others = await failedUnits(exec);
  const known = Object.values(unitsOf).flat();
  for (const unit of others.filter((name) => !known.includes(name))) {
    parts.push(`also failed: ${unit}`, ...(await journal(unit, exec)));
  }
  return `${parts.join("\n")}\n`;
}

async function explainUnit(unit: string, exec: Exec): Promise<readonly string[]> {
  const argv = ["systemctl", "show", "--property=LoadState,ActiveState,SubState,Result", "--", unit] as const;
  const { stdout } = await exec.run({ argv: [...argv] });
  const value = (key: string): string => new RegExp(`^${key}=(.*)$`, "m").exec(stdout)?.[1] ?? "";
  if (value("LoadState") === "not-found") return [];
  const [active, sub, result] = [value("ActiveState"), value("SubState"), value("Result")];
  // Of two units that do the same work on different machines, the one that is not wanted here is silent.
  if (active === "inactive" && result === "success") return [`  ${unit} is not running`];
  return [
    `  ${unit} is ${active} (${sub}${result === "success" ? "" : `, ${result}`})`,
    ...(await journal(unit, exec)),
  ];
}

async function journal(unit: string, exec: Exec): Promise<readonly string[]> {
  const { stdout } = await exec.run({
    argv: ["journalctl", "--no-pager", "--boot", "--output=short-iso", "--lines=10", `--unit=${unit}`],
  });
  return lastLines(stdout, 10).map((line) => `    ${line}`);
}

async function failedUnits(exec: Exec): Promise<readonly string[]> {
  const { stdout } = await exec.run({
    argv: ["systemctl", "list-units", "--failed", "--plain", "--no-legend", "--no-pager"],
  });
  return lastLines(stdout, 100).map((line) => line.trim().split(/\s+/)[0] ?? "");
}
