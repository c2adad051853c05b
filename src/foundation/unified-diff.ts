/** One line of a comparison. */
interface Line {
  readonly mark: " " | "-" | "+";
  readonly text: string;
}

const context = 3;

/**
 * What to change in `before` to get `after`, in the format of `diff -u`; empty when they are the same. It takes time and
 * memory in proportion to the product of the numbers of lines that differ: for files that people read.
 */
export function unifiedDiff(path: string, before: string, after: string): string {
  if (before === after) return "";
  const lines = compare(linesOf(before), linesOf(after));
  const hunks = hunksOf(lines).map((hunk) => showHunk(lines, hunk));
  return `--- a/${path}\n+++ b/${path}\n${hunks.join("")}`;
}

function linesOf(text: string): string[] {
  if (text === "") return [];
  const lines = text.split("\n");
  if (lines.at(-1) === "") return lines.slice(0, -1);
  return [...lines.slice(0, -1), `${lines.at(-1) ?? ""}\n\\ No newline at end of file`];
}

function compare(a: readonly string[], b: readonly string[]): Line[] {
  let head = 0;
  while (head < Math.min(a.length, b.length) && a[head] === b[head]) head += 1;
  let tail = 0;
  const room = Math.min(a.length, b.length) - head;
  while (tail < room && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const same = (texts: readonly string[]): Line[] => texts.map((text) => ({ mark: " ", text }));
  return [
    ...same(a.slice(0, head)),
    ...changes(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...same(a.slice(a.length - tail)),
  ];
}

/** By the longest common subsequence. */
function changes(a: readonly string[], b: readonly string[]): Line[] {
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  const at = (i: number, j: number): number => lengths[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    const row = lengths[i] ?? new Uint32Array();
    for (let j = b.length - 1; j >= 0; j -= 1) {
      row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ mark: " ", text: a[i] ?? "" });
      i += 1;
      j += 1;
    } else if (i < a.length && (j === b.length || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ mark: "-", text: a[i] ?? "" });
      i += 1;
    } else {
      lines.push({ mark: "+", text: b[j] ?? "" });
      j += 1;
    }
  }
  return lines;
}

interface Hunk {
  readonly from: number;
  readonly to: number;
}

/** Ranges of lines with what is around them; those that touch are one. */
function hunksOf(lines: readonly Line[]): Hunk[] {
  const hunks: Hunk[] = [];
  for (const [index, { mark }] of lines.entries()) {
    if (mark === " ") continue;
    const last = hunks.at(-1);
    const to = Math.min(lines.length, index + context + 1);
    if (last !== undefined && index - context <= last.to) hunks[hunks.length - 1] = { from: last.from, to };
    else hunks.push({ from: Math.max(0, index - context), to });
  }
  return hunks;
}

function showHunk(lines: readonly Line[], { from, to }: Hunk): string {
  const count = (all: readonly Line[], other: "-" | "+"): number =>
    all.filter(({ mark }) => mark !== other).length;
  const inside = lines.slice(from, to);
  const range = (other: "-" | "+"): string => {
    const size = count(inside, other);
    const start = count(lines.slice(0, from), other) + (size === 0 ? 0 : 1);
    return size === 1 ? String(start) : `${start},${size}`;
  };
  const body = inside.map(({ mark, text }) => `${mark}${text}\n`).join("");
  return `@@ -${range("+")} +${range("-")} @@\n${body}`;
}
