/** Versions of programs and kernels, compared by number. */

/** The first `1.2` or `1.2.3` in a text; undefined when there is none. */
export function findVersion(text: string): string | undefined {
  return /\d+\.\d+(?:\.\d+)?/.exec(text)?.[0];
}

/** Whether `version` is `least` or later. Missing parts count as 0; what follows the numbers is ignored. */
export function isAtLeast(version: string, least: string): boolean {
  const [a, b] = [numbers(version), numbers(least)];
  for (let at = 0; at < 3; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

function numbers(version: string): readonly number[] {
  return (findVersion(version) ?? "0").split(".").map(Number);
}
