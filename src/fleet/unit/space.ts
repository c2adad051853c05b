const blank = "[\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const start = new RegExp(`^${blank}+`);
const notBlank = new RegExp(blank.replace("[", "[^"));

/** Cuts blanks off both ends. The blanks are those of Go, not of JavaScript: unit hashes depend on it. */
export function trimSpace(text: string): string {
  const left = text.replace(start, "");
  let end = left.length;
  while (end > 0 && !notBlank.test(left.charAt(end - 1))) end--;
  return left.slice(0, end);
}
