import { unitNameInfo } from "./name.ts";

/** Replaces `%n %N %p %i` by the parts of the unit's name. A name without a dot leaves the text as it is. */
export function expandSpecifiers(text: string, unitName: string): string {
  if (!text.includes("%")) return text;
  const info = unitNameInfo(unitName);
  if (info === undefined) return text;
  return text
    .replaceAll("%n", () => info.full)
    .replaceAll("%N", () => info.name)
    .replaceAll("%p", () => info.prefix)
    .replaceAll("%i", () => info.instance ?? "");
}
