import { join, resolve } from "node:path";
import { AppError } from "../foundation/errors.ts";
import { renderFolder as renderInto, type RenderOutcome } from "../lifecycle/render-folder.ts";
import type { ClusterSpec, ProviderName } from "../spec/model.ts";
import type { Context } from "./context.ts";

export interface RenderOptions {
  readonly provider: string | undefined;
  readonly out: string | undefined;
  readonly check: boolean;
}

/** Renders the chosen cluster's folder for its provider, and writes or compares it. */
export async function renderFolder(context: Context, options: RenderOptions): Promise<RenderOutcome> {
  const dir = await context.clusterDir();
  const spec = await context.spec(dir);
  const provider = providerOf(options.provider, spec);
  const usual = provider === "nspawn" ? "rendered" : "vagrant";
  const folder = options.out === undefined ? join(dir, usual) : resolve(context.io.cwd, options.out);
  return await renderInto(await context.world(), { dir, spec, provider, folder, check: options.check });
}

function providerOf(asked: string | undefined, spec: ClusterSpec): ProviderName {
  const wish = asked ?? spec.provider;
  switch (wish) {
    case "virtualbox":
    case "libvirt":
    case "nspawn":
      return wish;
    case "auto":
      return "virtualbox";
    default:
      throw new AppError("E_NOT_SUPPORTED", `rendering for ${wish} is not supported yet`, {
        hint: "use '--provider virtualbox' or libvirt",
      });
  }
}
