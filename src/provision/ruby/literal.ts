/**
 * Reads the literals of Ruby that configuration files are made of: numbers, strings without interpolation, symbols,
 * true, false, nil, arrays and hashes. Nothing is ever evaluated.
 */

export type RubyValue = null | boolean | number | string | readonly RubyValue[] | RubyHash;

/** A hash whose keys are texts, numbers or symbols; a symbol reads as its text. */
export type RubyHash = ReadonlyMap<string | number, RubyValue>;

/** The value of one whole literal; undefined for everything that is none, such as a call or an interpolated string. */
export function readLiteral(source: string): { readonly value: RubyValue } | undefined {
  const reader = new LiteralReader(source);
  try {
    const value = reader.value();
    reader.space();
    return reader.atEnd() ? { value } : undefined;
  } catch (error) {
    if (error instanceof NoLiteral) return undefined;
    throw error;
  }
}

/** Whether two values are the same, whatever the order of a hash's entries. */
export function sameValue(a: RubyValue, b: RubyValue): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: RubyValue): string {
  if (Array.isArray(value)) return `[${(value as readonly RubyValue[]).map(canonical).join(",")}]`;
  if (!(value instanceof Map)) return JSON.stringify(value);
  const entries = [...(value as RubyHash)].map(
    ([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`,
  );
  return `{${entries.sort().join(",")}}`;
}

class NoLiteral extends Error {}

const escapes: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  "0": "\0",
  s: " ",
  e: "\u001b",
  a: "\u0007",
  b: "\b",
  f: "\f",
  v: "\v",
};

class LiteralReader {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  atEnd(): boolean {
    return this.#at >= this.#source.length;
  }

  /** Skips spaces, line ends and comments. */
  space(): void {
    this.#take(/(?:\s|\\\r?\n|#[^\n]*)*/y);
  }

  value(): RubyValue {
    this.space();
    const char = this.#source[this.#at];
    if (char === "'" || char === '"') return this.#strings();
    if (char === "[") return this.#array();
    if (char === "{") return this.#hash();
    const number = this.#take(/[-+]?\d[\d_]*(?:\.\d+)?(?![\w.])/y);
    if (number !== undefined) return Number(number.replaceAll("_", ""));
    const symbol = this.#take(/:[A-Za-z_]\w*/y);
    if (symbol !== undefined) return symbol.slice(1);
    const word = this.#take(/(?:true|false|nil)\b/y);
    if (word === undefined) throw new NoLiteral();
    return word === "nil" ? null : word === "true";
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #must(text: string): void {
    if (!this.#source.startsWith(text, this.#at)) throw new NoLiteral();
    this.#at += text.length;
  }

  /** One string, and those beside it, which Ruby joins. */
  #strings(): string {
    let text = this.#string();
    for (;;) {
      this.#take(/(?:[ \t]|\\\r?\n)*/y);
      const char = this.#source[this.#at];
      if (char !== "'" && char !== '"') return text;
      text += this.#string();
    }
  }

  #string(): string {
    const single = this.#take(/'(?:[^'\\]|\\[^])*'/y);
    if (single !== undefined) return single.slice(1, -1).replaceAll(/\\([\\'])/g, "$1");
    const double = this.#take(/"(?:[^"\\]|\\[^])*"/y)?.slice(1, -1);
    if (double === undefined || /(?<!\\)(?:\\\\)*#[{$@]/.test(double)) throw new NoLiteral();
    return double.replaceAll(/\\(?:u\{([0-9a-f]+)\}|u([0-9a-f]{4})|x([0-9a-f]{1,2})|([^]))/gi, unescape);
  }

  #array(): RubyValue[] {
    const values: RubyValue[] = [];
    this.#must("[");
    this.space();
    while (this.#take(/\]/y) === undefined) {
      values.push(this.value());
      this.#separator("]");
    }
    return values;
  }

  #hash(): RubyHash {
    const entries = new Map<string | number, RubyValue>();
    this.#must("{");
    this.space();
    while (this.#take(/\}/y) === undefined) {
      const key = this.#key();
      entries.set(key, this.value());
      this.#separator("}");
    }
    return entries;
  }

  /** `key:`, `'key':`, or any value and `=>`. */
  #key(): string | number {
    const bare = this.#take(/[A-Za-z_]\w*:(?!:)/y);
    if (bare !== undefined) return bare.slice(0, -1);
    const key = this.value();
    if (typeof key === "string" && this.#take(/:(?!:)/y) !== undefined) return key;
    this.space();
    this.#must("=>");
    if (typeof key !== "string" && typeof key !== "number") throw new NoLiteral();
    return key;
  }

  #separator(end: string): void {
    this.space();
    if (this.#source[this.#at] === end) return;
    this.#must(",");
    this.space();
  }
}

function unescape(_: string, braces?: string, four?: string, two?: string, char?: string): string {
  const hex = braces ?? four ?? two;
  if (hex === undefined) return char === "\n" ? "" : (escapes[char ?? ""] ?? char ?? "");
  const point = parseInt(hex, 16);
  if (point > 0x10ffff) throw new NoLiteral();
  return String.fromCodePoint(point);
}
