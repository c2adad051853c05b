import type { Clock } from "../../foundation/clock.ts";
import type { Phase, Recorder } from "../history/history.ts";
import { isSettled } from "../invariants/all.ts";
import type { Stage } from "../stage/stage.ts";

export interface AuditOptions {
  readonly stage: Stage;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** How long fleet, Docker and systemd of containers may need to agree once the services are back, and between two looks, ms. */
const settleWithin = 10_000;
const lookEvery = 500;

/** Asks every machine that answers what runs there and what its fleet says, and records the answers. */
export async function audit(options: AuditOptions, phase: Phase): Promise<void> {
  const { stage, recorder, signal } = options;
  await Promise.all(
    stage.nodes.map(async (node) => {
      const found = await stage.audit(node, signal);
      if (found !== undefined) recorder.record({ kind: "audit", phase, audit: found });
    }),
  );
}

/** Audits again while the answers contradict each other, as long as settling may take. The last ones count. */
export async function auditUntilSettled(options: AuditOptions, phase: Phase): Promise<void> {
  const { stage, recorder, clock, signal } = options;
  const deadline = clock.monotonic() + settleWithin * stage.patience;
  for (;;) {
    await audit(options, phase);
    if (isSettled(recorder.events) || clock.monotonic() >= deadline) return;
    await clock.sleep(lookEvery, signal);
  }
}
