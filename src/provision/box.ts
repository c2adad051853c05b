import type { ClusterSpec } from "../spec/model.ts";
import type { OsProfile } from "./os-profile.ts";

/** A Vagrant box, and where Vagrant gets it from. */
export interface Box {
  readonly name: string;
  /** `%{version}` stands for the release; undefined: it must have been added already. */
  readonly url: string | undefined;
}

/**
 * The box of this system. Flatcar's metadata lists one release only, hence the release in its URL. CoreOS's boxes come
 * from the mirror that the user names.
 */
export function boxOf(spec: ClusterSpec, system: OsProfile["name"]): Box {
  const { channel, mirror = "" } = spec.os;
  switch (system) {
    case "debian":
      return { name: "flotilla/debian", url: undefined };
    case "flatcar": {
      const folder = `https://${channel}.release.flatcar-linux.net/amd64-usr/%{version}`;
      return { name: `flatcar-${channel}`, url: `${folder}/flatcar_production_vagrant.json` };
    }
    case "coreos": {
      const exact = /\.(json|box)$/.test(mirror);
      const folder = `${mirror.replace(/\/$/, "")}/amd64-usr/%{version}`;
      return { name: `coreos-${channel}`, url: exact ? mirror : `${folder}/coreos_production_vagrant.json` };
    }
  }
}
