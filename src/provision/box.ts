import type { ClusterSpec } from "../spec/model.ts";
import type { OsProfile } from "./os-profile.ts";

/** A Vagrant box, and where Vagrant gets it from. */
export interface Box {
  readonly name: string;
  /** `%{version}` stands for the release; undefined: it must have been added already. */
  readonly url: string | undefined;
}

/**
 * The box of this system. Flatcar's metadata lists one release only, hence the release in its URL. Its boxes may come
 * from a mirror that the user names, CoreOS's must.
 */
export function boxOf(spec: ClusterSpec, system: OsProfile["name"]): Box {
  const { channel, mirror = "" } = spec.os;
  const exact = /\.(json|box)$/.test(mirror);
  const ownFolder = `${mirror.replace(/\/$/, "")}/amd64-usr/%{version}`;
  switch (system) {
    case "debian":
      return { name: "flotilla/debian", url: undefined };
    case "flatcar": {
      const folder =
        mirror === "" ? `https://${channel}.release.flatcar-linux.net/amd64-usr/%{version}` : ownFolder;
      return {
        name: `flatcar-${channel}`,
        url: exact ? mirror : `${folder}/flatcar_production_vagrant.json`,
      };
    }
    case "coreos": {
      const url = exact ? mirror : `${ownFolder}/coreos_production_vagrant.json`;
      return { name: `coreos-${channel}`, url };
    }
  }
}
