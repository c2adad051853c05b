/**
 * What the box itself says to Vagrant, below every project's own Vagrantfile: how to log in, and what its kernel has
 * drivers for.
 */
export const boxVagrantfile = `# frozen_string_literal: true

Vagrant.configure('2') do |config|
  config.vm.guest = :debian
  config.ssh.username = 'core'
  config.ssh.insert_key = false
  config.ssh.shell = 'bash'
  config.vm.synced_folder '.', '/vagrant', disabled: true
  config.vm.provider :virtualbox do |vb|
    # The kernel knows QEMU's and VirtualBox's paravirtual network card, and no other.
    vb.customize ['modifyvm', :id, '--nictype1', 'virtio', '--nictype2', 'virtio']
    vb.check_guest_additions = false
    vb.functional_vboxsf = false
  end
end
`;
