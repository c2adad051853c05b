#!/bin/sh
# Makes a virtual machine's root out of a node's, after customize.sh. Whoever makes the disk adds the boot loader, which
# reads /boot/grub/grub.cfg.
set -eu
root=$1

# eth0 leads to the hypervisor. The cluster's own network is eth1; the cloud-config sets it up.
cat >"$root/etc/systemd/network/50-eth0.network" <<'END'
[Match]
Name=eth0

[Network]
DHCP=ipv4
LinkLocalAddressing=no
IPv6AcceptRA=no

[DHCPv4]
ClientIdentifier=mac
END
ln -sf /run/systemd/resolve/resolv.conf "$root/etc/resolv.conf"
systemctl --root="$root" enable systemd-resolved.service

# Vagrant lets itself in with a key that everybody knows; the cloud-config adds the cluster's own.
ssh="$root/home/core/.ssh"
install -d -m 0700 -o 500 -g 500 "$ssh" "$ssh/authorized_keys.d"
cat >"$ssh/authorized_keys.d/vagrant" <<'END'
ssh-rsa AAAAB3NzaC1yc2EAAAABIwAAAQEA6NF8iallvQVp22WDkTkyrtvp9eWW6A8YVr+kz4TjGYe7gHzIw+niNltGEFHzD8+v1I2YJ6oXevct1YeS0o9HZyN1Q9qgCgzUFtdOKLv6IedplqoPkcmF0aYet2PkEDo3MlTBckFXPITAMzF8dJSIFo9D8HfdOV0IAdx4O7PtixWKn5y2hMNG0zQPyUecp4pzC6kivAIhyfHilFR61RGL+GPXQ2MWZWFYbAGjyiYJnAmCP3NOTd0jMZEnDkbUvxhMmBYSdETk1rRgm+R4LOzFUGaHqHDLKLX+FIPKcF96hrucXzcWyLbIbEgE98OHlnVYCzRdK8jlqm8tehUc9c9WhQ== vagrant insecure public key
END
cp "$ssh/authorized_keys.d/vagrant" "$ssh/authorized_keys"
chmod 0600 "$ssh/authorized_keys" "$ssh/authorized_keys.d/vagrant"
chown -R 500:500 "$ssh"

# Until the cloud-config brings the pinned host key, any will do.
cat >"$root/etc/systemd/system/ssh-host-key.service" <<'END'
[Unit]
Description=Make an ssh host key for the first boot
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key
After=flotilla-cloudinit.service
Before=ssh.service

[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -q -t ed25519 -N "" -C "first boot" -f /etc/ssh/ssh_host_ed25519_key

[Install]
WantedBy=multi-user.target
END

# The image is as small as it can be: its only partition takes the whole disk once it has one.
install -d "$root/usr/lib/flotilla"
cat >"$root/usr/lib/flotilla/grow-disk" <<'END'
#!/bin/sh
# Grows the partition and the file system of / to the end of its disk.
set -eu
partition=$(findmnt --noheadings --output SOURCE /)
sys=$(readlink -f "/sys/class/block/${partition#/dev/}")
disk=${sys%/*}
free=$(($(cat "$disk/size") - $(cat "$sys/start") - $(cat "$sys/size")))
[ "$free" -gt 2048 ] || exit 0
echo ',+' | sfdisk --quiet --no-reread --force -N "$(cat "$sys/partition")" "/dev/${disk##*/}"
partx --update --nr "$(cat "$sys/partition")" "/dev/${disk##*/}"
resize2fs "$partition"
END
chmod 0755 "$root/usr/lib/flotilla/grow-disk"
cat >"$root/etc/systemd/system/grow-disk.service" <<'END'
[Unit]
Description=Grow the disk to its full size
DefaultDependencies=no
After=systemd-remount-fs.service
Conflicts=shutdown.target
Before=shutdown.target

[Service]
Type=oneshot
ExecStart=/usr/lib/flotilla/grow-disk

[Install]
WantedBy=multi-user.target
END
systemctl --root="$root" enable ssh-host-key.service grow-disk.service

# A few kinds of device are all that a machine needs to find again after the initial RAM disk has found its disk.
install -d "$root/etc/systemd/system/systemd-udev-trigger.service.d"
cat >"$root/etc/systemd/system/systemd-udev-trigger.service.d/50-few.conf" <<'END'
[Service]
ExecStart=
ExecStart=-udevadm trigger --type=devices --action=add --subsystem-match=net --subsystem-match=block
END

# The initial RAM disk holds the disks and network cards of QEMU and VirtualBox, and nothing else.
printf 'MODULES=list\nCOMPRESS=zstd\n' >"$root/etc/initramfs-tools/conf.d/machine"
printf '%s\n' virtio_pci virtio_blk virtio_scsi virtio_net virtio_rng ata_piix sd_mod ext4 crc32c_generic \
  >>"$root/etc/initramfs-tools/modules"
chroot "$root" update-initramfs -u -k all
rm -f "$root"/initrd.img.old "$root"/vmlinuz.old

echo 'LABEL=flotilla / ext4 defaults,noatime 0 0' >"$root/etc/fstab"
install -d "$root/boot/grub"
cat >"$root/boot/grub/grub.cfg" <<'END'
linux /vmlinuz root=LABEL=flotilla rw console=tty0 console=ttyS0,115200 quiet loglevel=3 systemd.show_status=1 net.ifnames=0 fsck.mode=skip mitigations=off nokaslr audit=0 apparmor=0 random.trust_cpu=on
initrd /initrd.img
boot
END
