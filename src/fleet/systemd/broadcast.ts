/** Hands each value to all who listen at that time. */
export interface Broadcast<T> {
  send(value: T): void;
  /** Values sent from this call on, none lost while the reader is busy; ends when the signal aborts or on `close`. */
  listen(signal: AbortSignal): AsyncIterable<T>;
  close(): void;
}

interface Listener<T> {
  readonly queue: T[];
  wake: () => void;
  ended: boolean;
}

export function createBroadcast<T>(): Broadcast<T> {
  const listeners = new Set<Listener<T>>();
  const end = (listener: Listener<T>): void => {
    listeners.delete(listener);
    listener.ended = true;
    listener.wake();
  };
  return {
    send: (value) => {
      for (const listener of listeners) {
        listener.queue.push(value);
        listener.wake();
      }
    },
    listen: (signal) => {
      const listener: Listener<T> = { queue: [], wake: () => undefined, ended: signal.aborted };
      if (!signal.aborted) listeners.add(listener);
      const stop = (): void => end(listener);
      signal.addEventListener("abort", stop, { once: true });
      return read(listener, () => {
        signal.removeEventListener("abort", stop);
        end(listener);
      });
    },
    close: () => {
      for (const listener of listeners) end(listener);
    },
  };
}

async function* read<T>(listener: Listener<T>, release: () => void): AsyncGenerator<T> {
  try {
    while (!listener.ended) {
      const value = listener.queue.shift();
      if (value !== undefined) yield value;
      else {
        await new Promise<void>((resolve) => {
          listener.wake = resolve;
        });
      }
    }
  } finally {
    release();
  }
}
