#!/usr/bin/env bash
# Tests on real virtual machines: Vagrant, libvirt, and QEMU's own emulation where there is no KVM. Up to half an hour on
# two processors. Everything happens in a network namespace of its own with no route out, with private copies of libvirt's
# folders: this machine's own libvirt, if it has one, is neither used nor touched.
#   scripts/e2e-vm.sh [vitest arguments]        scripts/e2e-vm.sh -- COMMAND ARGS…   runs something else in there
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(vagrant vagrant-libvirt libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils dnsmasq-base
  grub-pc-bin e2fsprogs tini)

if [ "${FLOTILLA_VM_INSIDE:-}" != 1 ]; then
  if [ -z "${FLOTILLA_VM_READY:-}" ]; then
    FLOTILLA_SETUP_MORE="${packages[*]}" scripts/setup.sh test
    node dist/cluster.js image build --provider libvirt
  fi
  scratch=$(mktemp -d /var/tmp/flotilla-vm-XXXXXX)
  trap 'rm -rf "$scratch"' EXIT
  FLOTILLA_VM_INSIDE=1 FLOTILLA_VM_SCRATCH=$scratch \
    unshare --net --mount --propagation private -- "$0" "$@"
  exit
fi

# --- inside the namespaces ---
scratch=$FLOTILLA_VM_SCRATCH
ip link set lo up
# A /sys that shows this namespace's network devices; the cgroups stay as they are.
mkdir "$scratch/cgroup"
mount --rbind /sys/fs/cgroup "$scratch/cgroup"
mount -t sysfs sysfs /sys
mount --rbind "$scratch/cgroup" /sys/fs/cgroup

cp -a /etc/libvirt "$scratch/etc"
for folder in /run/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt /etc/libvirt; do
  private=$scratch/$folder
  mkdir -p "$private" "$folder"
  if [ "$folder" = /etc/libvirt ]; then private=$scratch/etc; fi
  mount --bind "$private" "$folder"
done
mkdir -p /var/lib/libvirt/images
rm -rf /etc/libvirt/qemu/networks/* /etc/libvirt/qemu/autostart/*
# Without this, libvirt asks QEMU for its abilities at each define, for a minute, where /dev/kvm is root's alone.
cat >/etc/libvirt/qemu.conf <<'END'
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
END
printf 'auth_unix_rw = "none"\nauth_unix_ro = "none"\nunix_sock_group = "root"\n' >/etc/libvirt/libvirtd.conf

export LIBVIRT_DEFAULT_URI=qemu:///system VAGRANT_HOME=$scratch/vagrant.d VAGRANT_CHECKPOINT_DISABLE=1
virtlogd -d -p "$scratch/virtlogd.pid"
# Orphans must be reaped at once, or libvirt waits two seconds for each.
tini -s -- libvirtd >"$scratch/libvirtd.log" 2>&1 &
libvirtd=$!

clean_up() {
  local name
  for name in $(virsh list --name 2>/dev/null); do virsh destroy "$name" >/dev/null || true; done
  for name in $(virsh list --all --name 2>/dev/null); do virsh undefine "$name" >/dev/null || true; done
  for name in $(virsh net-list --name 2>/dev/null); do virsh net-destroy "$name" >/dev/null || true; done
  kill "$libvirtd" 2>/dev/null || true
  wait "$libvirtd" 2>/dev/null || true
  kill "$(cat "$scratch/virtlogd.pid" 2>/dev/null)" 2>/dev/null || true
}
trap clean_up EXIT
for _ in $(seq 100); do
  virsh version >/dev/null 2>&1 && break
  sleep 0.1
done
virsh version >/dev/null

if [ "${1:-}" = -- ]; then
  shift
  "$@"
else
  npm run --silent e2e-vm -- "$@"
fi
