/** One line of the benchmark's table. */
export interface Measure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What is aimed at: at most, or at least. */
  readonly target?: { readonly most?: number; readonly least?: number };
}

/** @param unit of the value, for the table; empty for a count */
export function measure(name: string, value: number, unit: string, target?: Measure["target"]): Measure {
  return {
    name,
    value: Math.round(value * 1_000) / 1_000,
    unit,
    ...(target === undefined ? {} : { target }),
  };
}

/** Whether the value is as good as aimed at; undefined when nothing is. */
export function isMet({ value, target }: Measure): boolean | undefined {
  if (target === undefined) return undefined;
  return value <= (target.most ?? Infinity) && value >= (target.least ?? -Infinity);
}

/** The table as text. */
export function showMeasures(measures: readonly Measure[]): string {
  const width = Math.max(...measures.map(({ name }) => name.length));
  const lines = measures.map((each) => {
    const { name, value, unit, target } = each;
    const shown = `${value.toLocaleString("en-US", { maximumFractionDigits: unit === "/s" ? 0 : 2 })} ${unit}`;
    const aim =
      target === undefined ? "" : target.most === undefined ? `≥ ${target.least}` : `≤ ${target.most}`;
    const verdict = isMet(each) === undefined ? "" : isMet(each) ? "met" : "MISSED";
    return `${name.padEnd(width)}  ${shown.padStart(14)}  ${aim.padStart(9)}  ${verdict}`.trimEnd();
  });
  return `${lines.join("\n")}\n`;
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
