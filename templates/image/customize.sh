#!/bin/sh
# Makes a node out of a plain Debian. mmdebstrap runs it with the new root as its only argument, after the packages.
# Everything here is the same for all nodes of all clusters; what differs per node comes from its cloud-config.
set -eu
root=$1

# CoreOS's user, with CoreOS's number, so that volumes written by containers keep their owner.
chroot "$root" groupadd --gid 500 core
chroot "$root" useradd --uid 500 --gid core --groups sudo,docker,systemd-journal,adm \
  --create-home --shell /bin/bash --password '*' core
printf 'core ALL=(ALL) NOPASSWD: ALL\n' >"$root/etc/sudoers.d/50-core"
chmod 0440 "$root/etc/sudoers.d/50-core"
install -d -m 0755 "$root/opt/bin" "$root/var/lib/flotilla"

# Identity is given to each node before its first boot; an image that has one would give it to all.
: >"$root/etc/machine-id"
rm -f "$root/var/lib/dbus/machine-id" "$root"/etc/ssh/ssh_host_*
rm -f "$root/etc/hostname" "$root/etc/resolv.conf"

# One host key, made on the host and pinned there; no lookups that would wait for an unreachable name server.
cat >"$root/etc/ssh/sshd_config.d/50-node.conf" <<'END'
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
KbdInteractiveAuthentication no
UseDNS no
MaxStartups 100:30:200
MaxSessions 200
PrintMotd no
PrintLastLog no
END

# The cloud-config decides when these run.
for unit in etcd.service docker.service docker.socket containerd.service nftables.service; do
  systemctl --root="$root" disable "$unit" 2>/dev/null || true
done
systemctl --root="$root" enable ssh.service systemd-networkd.service

# Each of these costs boot time and has nothing to do on a node; "online" is decided by who needs it, not by a wait.
systemctl --root="$root" mask \
  systemd-networkd-wait-online.service systemd-firstboot.service \
  systemd-update-utmp.service systemd-update-utmp-runlevel.service \
  systemd-pstore.service systemd-machine-id-commit.service ldconfig.service \
  console-getty.service getty.target e2scrub_reap.service \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer

# Started on demand through D-Bus (a typed `reboot` asks it); nobody needs it at boot.
rm -f "$root/lib/systemd/system/multi-user.target.wants/systemd-logind.service"

# The journal of a node lies on the node's own disk, bounded, so that it survives a power cut.
install -d -m 2755 -g systemd-journal "$root/var/log/journal" 2>/dev/null || install -d -m 2755 "$root/var/log/journal"
install -d "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=persistent\nSystemMaxUse=64M\nRateLimitIntervalSec=0\n' >"$root/etc/systemd/journald.conf.d/50-node.conf"

rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/log/apt "$root"/var/log/*.log
