import type { ClusterEvent } from "../../lifecycle/events.ts";

/** One way of showing events. */
export interface Reporter {
  emit(event: ClusterEvent): void;
  /** Leaves the terminal in order; after it nothing is emitted. */
  end(): Promise<void>;
}
