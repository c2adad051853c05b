import type { LayerName } from "./ready/layers.ts";
import type { Step } from "./plan/plan.ts";

/**
 * What the user is told while a command works: data, shown by src/cli (on a terminal, as plain lines, as JSON lines).
 * A new kind may be added at any time; fields of a kind never change their meaning.
 */
export type ClusterEvent =
  /** All that is going to be done, before anything is done. */
  | { readonly kind: "plan"; readonly verb: string; readonly steps: readonly Step[] }
  | { readonly kind: "step-begin"; readonly step: Step }
  /** Something worth showing inside a long step. */
  | { readonly kind: "step-progress"; readonly step: Step; readonly message: string }
  | { readonly kind: "step-end"; readonly step: Step; readonly ms: number }
  | { readonly kind: "step-failed"; readonly step: Step; readonly ms: number; readonly message: string }
  /** A layer of a node answers for the first time, `ms` after we began to wait for the node. */
  | { readonly kind: "layer"; readonly node: string; readonly layer: LayerName; readonly ms: number }
  | { readonly kind: "note"; readonly message: string }
  | { readonly kind: "warning"; readonly message: string; readonly hint?: string }
  /** The command reached its goal. */
  | { readonly kind: "done"; readonly verb: string; readonly message: string; readonly ms: number };

export type Emit = (event: ClusterEvent) => void;

/** A question that can be answered with yes or no. */
export interface Question {
  readonly id: "init";
  readonly text: string;
}

/** Asks the user; `undefined` when there is nobody to ask. */
export type Ask = (question: Question) => Promise<boolean | undefined>;
