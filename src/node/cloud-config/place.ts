/** Where in a document something was said: `coreos.units[1].command`, line 12 (counted from 1). */
export interface Place {
  readonly key: string;
  readonly line: number;
}

export interface Placed<T> {
  readonly value: T;
  readonly place: Place;
}

/** What is wrong, and where. The message is lower case and names the wrong value. */
export interface Problem extends Place {
  readonly message: string;
}

export function problemAt(place: Place, message: string): Problem {
  return { key: place.key, line: place.line, message };
}

/** As people read it: `line 12: coreos.units[1].command: "go" is not a command of systemd`. */
export function showProblem({ key, line, message }: Problem): string {
  return `line ${line}: ${key === "" ? "" : `${key}: `}${message}`;
}
