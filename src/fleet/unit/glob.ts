/** One step of a pattern: a run of anything but `/`, or one character that passes a test. */
type Token =
  | { readonly kind: "star" }
  | { readonly kind: "one"; readonly takes: (character: string) => boolean };

/**
 * Whether the whole name matches a pattern of Go's path.Match: `*` and `?` (neither takes a `/`), `[abc]`, `[a-z]`,
 * `[^x]`, and `\c` for c itself. A malformed pattern matches nothing.
 */
export function matchGlob(pattern: string, name: string): boolean {
  return compileGlob(pattern)(name);
}

/** The same, for a pattern that is asked often. Takes time in proportion to pattern × name, whatever they are. */
export function compileGlob(pattern: string): (name: string) => boolean {
  if (!/[*?[\\]/.test(pattern)) return (name) => name === pattern;
  const [head = "", tail, ...more] = pattern.split("*");
  if (tail !== undefined && more.length === 0 && !/[?[\\]/.test(pattern)) return oneStar(head, tail);
  const tokens = tokenize(Array.from(pattern));
  if (tokens === undefined) return () => false;
  return (name) => matches(tokens, Array.from(name));
}

/** `foo@*.service`, as nearly all patterns are: worth a way of its own. */
function oneStar(head: string, tail: string): (name: string) => boolean {
  return (name) =>
    name.length >= head.length + tail.length &&
    name.startsWith(head) &&
    name.endsWith(tail) &&
    !name.slice(head.length, name.length - tail.length).includes("/");
}

/** Follows all ways through the pattern at once: `reached[i]` says that the first i characters can be taken. */
function matches(tokens: readonly Token[], characters: readonly string[]): boolean {
  let reached = [true, ...characters.map(() => false)];
  for (const token of tokens) {
    const next = reached.map(() => false);
    for (let i = 0; i < reached.length; i++) {
      const character = characters[i - 1] ?? "";
      if (token.kind === "one") next[i] = i > 0 && reached[i - 1] === true && token.takes(character);
      else next[i] = reached[i] === true || (i > 0 && next[i - 1] === true && character !== "/");
    }
    reached = next;
  }
  return reached.at(-1) === true;
}

function tokenize(pattern: readonly string[]): Token[] | undefined {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] ?? "";
    if (character === "*") tokens.push({ kind: "star" });
    else if (character === "?") tokens.push({ kind: "one", takes: (taken) => taken !== "/" });
    else if (character === "[") {
      const found = readClass(pattern, at + 1);
      if (found === undefined) return undefined;
      tokens.push({ kind: "one", takes: found.takes });
      at = found.end;
    } else {
      const literal = character === "\\" ? pattern[++at] : character;
      if (literal === undefined) return undefined;
      tokens.push({ kind: "one", takes: (taken) => taken === literal });
    }
  }
  return tokens;
}

interface CharacterClass {
  readonly takes: (character: string) => boolean;
  /** Where its `]` stands. */
  readonly end: number;
}

function readClass(pattern: readonly string[], start: number): CharacterClass | undefined {
  const negated = pattern[start] === "^";
  const ranges: [low: number, high: number][] = [];
  let at = negated ? start + 1 : start;
  while (pattern[at] !== "]" || ranges.length === 0) {
    const low = readMember(pattern, at);
    if (low === undefined) return undefined;
    const high = pattern[low.next] === "-" ? readMember(pattern, low.next + 1) : low;
    if (high === undefined) return undefined;
    ranges.push([low.code, high.code]);
    at = high.next;
  }
  const takes = (character: string): boolean => {
    const code = character.codePointAt(0) ?? -1;
    return ranges.some(([low, high]) => low <= code && code <= high) !== negated;
  };
  return { takes, end: at };
}

/** A character of a class; `-`, `]` and `\` stand for themselves only after a backslash. */
function readMember(pattern: readonly string[], at: number): { code: number; next: number } | undefined {
  const escaped = pattern[at] === "\\";
  const character = pattern[escaped ? at + 1 : at];
  if (character === undefined || (!escaped && (character === "-" || character === "]"))) return undefined;
  return { code: character.codePointAt(0) ?? 0, next: at + (escaped ? 2 : 1) };
}
