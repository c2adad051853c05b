/** Lets so many through at a time; the others wait in line. */
export interface Gate {
  /** Runs `work` when it is its turn; rejects with the signal's reason when that aborts before. */
  pass<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

/** A gate for `width` at a time. */
export function createGate(width: number): Gate {
  const line = new Set<() => void>();
  let inside = 0;
  const turn = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const enter = (): void => {
        line.delete(enter);
        signal.removeEventListener("abort", leave);
        inside += 1;
        resolve();
      };
      const leave = (): void => {
        line.delete(enter);
        reject(signal.reason as Error);
      };
      if (signal.aborted) return leave();
      if (inside < width) return enter();
      signal.addEventListener("abort", leave, { once: true });
      line.add(enter);
      return undefined;
    });
  return {
    pass: async (work, signal) => {
      await turn(signal);
      try {
        return await work();
      } finally {
        inside -= 1;
        const [next] = line;
        next?.();
      }
    },
  };
}
