import type { Owner } from "../cloud-config/model.ts";
import { type Place, showProblem } from "../cloud-config/place.ts";

/** One change of the machine, with the reason for it and the key that asked for it. */
export type Step = { readonly reason: string; readonly place: Place } & (
  | {
      readonly kind: "write";
      readonly path: string;
      readonly content: Uint8Array;
      readonly mode: number;
      readonly owner: Owner | undefined;
    }
  | { readonly kind: "folder"; readonly path: string; readonly mode: number; readonly owner: Owner }
  /** systemd reads unit files anew where it still has old ones of these units in mind. */
  | { readonly kind: "reload"; readonly units: readonly string[] }
  /** `folder` goes with it when it is empty then. */
  | { readonly kind: "remove"; readonly path: string; readonly folder: string | undefined }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  | { readonly kind: "run"; readonly argv: readonly [string, ...string[]]; readonly input?: string }
);

/** A step as one line for people. */
export function showStep(step: Step): string {
  return `${what(step)}  # ${showProblem({ ...step.place, message: step.reason })}`;
}

function what(step: Step): string {
  if (step.kind === "run") return `run ${step.argv.join(" ")}`;
  if (step.kind === "reload") return `run systemctl daemon-reload if needed by ${step.units.join(" ")}`;
  if (step.kind === "remove") return `remove ${step.path}`;
  if (step.kind === "link") return `link ${step.path} -> ${step.target}`;
  const mode = step.mode.toString(8).padStart(4, "0");
  const owner = step.owner === undefined ? "" : ` ${showOwner(step.owner)}`;
  if (step.kind === "folder") return `make folder ${step.path} ${mode}${owner}`;
  return `write ${step.path} ${mode}${owner} (${step.content.length} bytes)`;
}

function showOwner({ user, group, loginGroup }: Owner): string {
  return `${user ?? ""}${group !== undefined || loginGroup ? ":" : ""}${group ?? ""}`;
}
