import { AppError } from "../../foundation/errors.ts";
import type { Exec } from "../../foundation/exec.ts";
import type { ClusterPlan, Lack, Provider } from "../../provider/provider.ts";
import type { ProviderName } from "../../spec/model.ts";
import { mustProvide, type World } from "../cluster.ts";

/** What the user asked for: the option wins over cluster.yaml. */
export type ProviderWish = ProviderName | "auto";

/**
 * The provider of a new cluster, checked. `auto` takes the first that works here and says why others were passed over.
 * @throws E_HOST_LACKS with everything that is missing and how to get it; E_NOT_SUPPORTED
 */
export async function chooseProvider(world: World, wish: ProviderWish, plan: ClusterPlan): Promise<Provider> {
  if (wish !== "auto") {
    const provider = await mustProvide(world, wish);
    await mustCheck(provider, plan);
    return provider;
  }
  for (const name of ["virtualbox", "libvirt"] as const) {
    const why = await passOver(name, world.exec);
    if (why === undefined) {
      const machines = await mustProvide(world, name);
      await mustCheck(machines, plan);
      world.emit({ kind: "note", message: `chose the provider ${name}: virtual machines, through Vagrant` });
      return machines;
    }
    world.emit({ kind: "note", message: `passed over ${name}: ${why}` });
  }
  const provider = await mustProvide(world, "nspawn");
  await mustCheck(provider, plan);
  world.emit({ kind: "note", message: "chose the provider nspawn: system containers on this host" });
  return provider;
}

/** @throws E_HOST_LACKS, E_IN_USE, E_DISK_FULL */
export async function mustCheck(provider: Provider, plan: ClusterPlan): Promise<void> {
  const lacks = await provider.check(plan);
  const [first] = lacks;
  if (first === undefined) return;
  // Something that is missing outweighs something that is taken: it is mended first.
  const code = lacks.some((lack) => lack.code === "E_HOST_LACKS") ? "E_HOST_LACKS" : first.code;
  throw new AppError(code, `this host cannot run the cluster with the provider ${provider.name}`, {
    details: lacks.map(showLack),
    hint: "mend that, then run the same command again; 'cluster doctor' checks it without doing anything",
  });
}

/** One line: what, and how to get it. */
function showLack({ what, hint }: Lack): string {
  return `${what}: ${hint}`;
}

/** Why a hypervisor is not taken although it comes first; undefined when it works here. */
export async function passOver(name: "virtualbox" | "libvirt", exec: Exec): Promise<string | undefined> {
  const argv =
    name === "virtualbox" ? (["VBoxManage", "--version"] as const) : (["virsh", "--version"] as const);
  const result = await exec.run({ argv: [...argv], timeout: 5_000 });
  if (result.missing) return `${argv[0]} is not installed`;
  if (result.code !== 0) return `${argv.join(" ")} does not work here`;
  if (name === "libvirt") {
    const { kvmWorks } = await import("../../provider/vagrant/kvm.ts");
    // Emulated machines are for those who ask for them: containers are many times faster.
    if (!(await kvmWorks(exec)))
      return "KVM runs no machine on this host ('--provider libvirt' emulates them)";
  }
  const vagrant = await exec.run({ argv: ["vagrant", "--version"], timeout: 30_000 });
  if (vagrant.missing) return "Vagrant, which drives it, is not installed";
  return vagrant.code === 0 ? undefined : "vagrant --version does not work here";
}
