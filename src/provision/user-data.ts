import type { ProviderName } from "../spec/model.ts";
import { cloudConfigText } from "./cloud-config-text.ts";
import { injectsInsecureKey, insecurePublicKey } from "./insecure-key.ts";
import { withLiteralAddresses } from "./literal-addresses.ts";
import { mergeCloudConfig } from "./merge.ts";
import type { NodeInput } from "./node-input.ts";
import { osProfile } from "./os-profile.ts";
import { withGuestProxy } from "./proxy.ts";
import { coreosSection } from "./units.ts";
import { writeFiles } from "./write-files.ts";

export interface UserDataInput extends NodeInput {
  readonly provider: ProviderName;
}

/**
 * The whole `#cloud-config` of one node: the same input gives the same bytes. It holds private keys: keep it 0600.
 * @throws E_NOT_SUPPORTED when the provider's machines cannot be what cluster.yaml asks for
 */
export function renderUserData(asked: UserDataInput): string {
  const input = { ...asked, spec: withGuestProxy(asked.spec, asked.provider) };
  const { spec, machine, keys } = input;
  const profile = osProfile(spec, input.provider);
  const insecure = injectsInsecureKey(spec, input.provider);
  const ours = {
    hostname: machine.name,
    ssh_authorized_keys: [
      keys.operator.publicKey.trim(),
      // The nodes' key lies on every node: whoever takes it away can use it from nowhere else.
      `from="${spec.network.subnet}" ${keys.nodes.publicKey.trim()}`,
      ...(insecure ? [insecurePublicKey] : []),
      ...spec.ssh.authorizedKeys,
    ],
    write_files: writeFiles(input, profile, insecure),
    coreos: coreosSection(input, profile, input.provider === "nspawn" ? "cluster" : "everywhere"),
  };
  const theirs = profile.literalAddresses
    ? withLiteralAddresses(spec.userData, machine.address)
    : spec.userData;
  return cloudConfigText(mergeCloudConfig(ours, theirs));
}
