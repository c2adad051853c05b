import { join } from "node:path";
import type { Clock } from "../foundation/clock.ts";
import type { Exec } from "../foundation/exec.ts";
import { inTurn, type World } from "../lifecycle/cluster.ts";
import { boxToolLacks, buildBox, findBox, type BoxKind, type BoxOptions } from "../provider/image/box.ts";
import type { ClusterPlan, Lack, Provider } from "../provider/provider.ts";
import { installBox } from "../provider/vagrant/base-volume.ts";
import { announceDownload } from "../provider/vagrant/box-download.ts";
import { createAttendant } from "../provider/vagrant/attendant.ts";
import { libvirt } from "../provider/vagrant/libvirt.ts";
import { createVagrantProvider } from "../provider/vagrant/provider.ts";
import { vagrantFolder } from "../provider/vagrant/record.ts";
import { virtualbox } from "../provider/vagrant/virtualbox.ts";
import { boxOf } from "../provision/box.ts";
import { systemOf } from "../spec/provider-fit.ts";

export interface VirtualMachineParts {
  readonly exec: Exec;
  readonly clock: Clock;
  readonly box: BoxOptions;
  readonly vagrantHome: string;
  readonly world: () => World;
  /** How to start what serves machines on this host; the state folder is added. */
  readonly attendantCommand: readonly string[];
}

/** The providers that drive Vagrant, put together: where their box comes from and how their folder is rendered. */
export function virtualMachines(name: BoxKind, parts: VirtualMachineParts): Provider {
  const { exec, clock, box, vagrantHome } = parts;
  const own = ({ spec }: ClusterPlan): boolean => systemOf(spec.os.name, name) === "debian";
  return createVagrantProvider({
    exec,
    clock,
    ...(name === "libvirt" ? { attendant: createAttendant({ clock, command: parts.attendantCommand }) } : {}),
    hypervisor: name === "libvirt" ? libvirt(exec, clock) : virtualbox(exec),
    furnish: async (cluster, report, signal) => {
      if (own(cluster)) {
        // Two at a time would take each other's half of a disk for one that an earlier run left.
        await inTurn(
          parts.world(),
          { folder: join(box.cacheDir, "boxes"), what: "the machines' box" },
          async () => {
            const made = await buildBox(box, name, report, signal);
            await installBox(exec, made, { vagrantHome }, { report, signal });
          },
        );
      } else {
        const { name: boxName, url = "" } = boxOf(cluster.spec, systemOf(cluster.spec.os.name, name));
        const remote = { name: boxName, url, version: cluster.spec.os.version };
        await announceDownload(remote, vagrantHome, { report, signal });
      }
      const { renderFolder } = await import("../lifecycle/render-folder.ts");
      const { dir, spec } = cluster;
      // What there is to say about it has been said when the plan was made.
      const silent: World = { ...parts.world(), emit: () => undefined };
      const folder = vagrantFolder({ dir });
      await renderFolder(silent, { dir, spec, provider: name, folder, check: false });
    },
    checkFurniture: async (cluster): Promise<readonly Lack[]> => {
      if (!own(cluster) || (await findBox(box, name)) !== undefined) return [];
      return await boxToolLacks(exec);
    },
  });
}

/** Where box recipe, node layer and cache lie. */
export function boxOptions(
  exec: Exec,
  root: string,
  places: { readonly recipeDir: string; readonly cacheDir: string },
): BoxOptions {
  return { ...places, exec, layerDir: join(root, "dist/node/layer") };
}
