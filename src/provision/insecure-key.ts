import type { ClusterSpec, ProviderName } from "../spec/model.ts";

/**
 * The public half of the key pair that comes with every Vagrant: the RSA one, as boxes of CoreOS and Flatcar know no
 * other. Everybody has its private half: it is no secret, and fit for host-only networks alone.
 */
export const insecurePublicKey =
  "ssh-rsa AAAAB3NzaC1yc2EAAAABIwAAAQEA6NF8iallvQVp22WDkTkyrtvp9eWW6A8YVr+kz4TjGYe7gHzIw+niNltGEFHzD8+v1I2YJ6oXevct1YeS0o9HZyN1Q9qgCgzUFtdOKLv6IedplqoPkcmF0aYet2PkEDo3MlTBckFXPITAMzF8dJSIFo9D8HfdOV0IAdx4O7PtixWKn5y2hMNG0zQPyUecp4pzC6kivAIhyfHilFR61RGL+GPXQ2MWZWFYbAGjyiYJnAmCP3NOTd0jMZEnDkbUvxhMmBYSdETk1rRgm+R4LOzFUGaHqHDLKLX+FIPKcF96hrucXzcWyLbIbEgE98OHlnVYCzRdK8jlqm8tehUc9c9WhQ== vagrant insecure public key";

/** Whether this provider's machines take Vagrant's insecure key: by default those that Vagrant makes do. */
export function injectsInsecureKey(spec: Pick<ClusterSpec, "ssh">, provider: ProviderName): boolean {
  const onVagrant = provider === "virtualbox" || provider === "libvirt";
  return spec.ssh.insecureKey === "inject" || (spec.ssh.insecureKey === "auto" && onVagrant);
}
