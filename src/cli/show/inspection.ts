import { isError } from "../../doctor/diagnose.ts";
import type { Finding } from "../../doctor/finding.ts";
import type { Inspection } from "../inspect-host.ts";

/** What `cluster doctor` says: the provider that would be taken in full, those passed over in a line each. */
export function showInspections(all: readonly Inspection[]): string {
  const taken = all.find(({ usable }) => usable);
  return all
    .map((one) => (taken === undefined || one === taken ? showInFull(one) : showPassedOver(one)))
    .join("");
}

/** All findings as data; those of providers that are passed over do not prevent anything, so they only warn. */
export function inspectionResult(all: readonly Inspection[]): Readonly<Record<string, unknown>> {
  const taken = all.find(({ usable }) => usable);
  const findings = all.flatMap(({ provider, findings }) =>
    findings.map((finding) => ({
      provider,
      ...finding,
      severity: taken === undefined ? finding.severity : ("warning" as const),
    })),
  );
  return {
    v: 1,
    usable: taken !== undefined,
    provider: taken?.provider,
    providers: all.map(({ provider, usable }) => ({ provider, usable })),
    findings,
  };
}

function showInFull({ provider, usable, findings }: Inspection): string {
  const errors = findings.filter(isError).length;
  const head = usable
    ? findings.length === 0
      ? "ready"
      : "ready, with warnings"
    : `not usable (${errors} to mend)`;
  return `${provider}: ${head}\n${findings.map(showFinding).join("")}`;
}

function showFinding({ id, severity, title, evidence, fix }: Finding): string {
  return `\n  ${severity}: ${title} [${id}]\n    seen: ${evidence}\n    to solve it: ${fix}\n`;
}

function showPassedOver({ provider, findings }: Inspection): string {
  const why = findings.filter(isError).map(({ title, evidence }) => `${title} (${evidence})`);
  return why.length === 0 ? `${provider}: usable, too\n` : `${provider}: passed over: ${why.join("; ")}\n`;
}
