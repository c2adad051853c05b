import { stripVTControlCharacters } from "node:util";
import { lastLines } from "../../foundation/exec.ts";
import type { ClusterRef, Provider } from "../../provider/provider.ts";

/** The last lines of a machine's console; none when there is no console. */
export async function consoleTail(
  provider: Provider,
  ref: ClusterRef,
  node: string,
  lines: number,
): Promise<readonly string[]> {
  let text = "";
  try {
    const signal = AbortSignal.any([]);
    for await (const chunk of provider.console(ref, node, { follow: false, signal })) text += `${chunk}\n`;
  } catch {
    return [];
  }
  return lastLines(text, lines).map((line) => stripVTControlCharacters(line).replaceAll("\r", ""));
}
