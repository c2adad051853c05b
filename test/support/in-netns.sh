#!/bin/sh
# Runs a command in a network namespace of its own: loopback is up, nothing leads out. What it makes there (bridges,
# firewall tables) can disturb nobody and is gone with its last process.
#   test/support/in-netns.sh COMMAND ARGS…
# `unshare --net` keeps /sys as it is; `ip netns exec` would mount a new one and hide the cgroups.
set -eu
exec unshare --net -- sh -c 'ip link set lo up && exec "$@"' in-netns "$@"
