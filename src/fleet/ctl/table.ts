const tabWidth = 8;

/**
 * Rows of cells as Go's tabwriter lays them out with tabs: each column but the last is as wide as its longest cell and
 * one more, rounded up to a multiple of eight. The result ends with a new line unless there are no rows.
 */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    roundUp(Math.max(...rows.map((row) => letters(row[column] ?? ""))) + 1),
  );
  return rows
    .map((row) => `${row.map((cell, at) => pad(cell, at === row.length - 1 ? 0 : widths[at])).join("")}\n`)
    .join("");
}

function pad(cell: string, width = 0): string {
  const missing = Math.max(0, width - letters(cell));
  return cell + "\t".repeat(Math.ceil(missing / tabWidth));
}

function roundUp(width: number): number {
  return Math.ceil(width / tabWidth) * tabWidth;
}

function letters(cell: string): number {
  return Array.from(cell).length;
}
