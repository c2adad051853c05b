#!/usr/bin/env bash
# Makes this machine ready: our npm dependencies, the missing Debian packages (named before they are installed), the built
# programs. Does nothing that is done already.   Usage: scripts/setup.sh demo|test
set -euo pipefail
cd "$(dirname "$0")/.."

purpose=${1:-demo}
packages=(mmdebstrap systemd-container iproute2 nftables docker-registry busybox-static binutils ca-certificates)
# The tests also talk to a real etcd, dbus-daemon, sshd and Vagrant on this machine.
if [ "$purpose" = test ]; then
  packages+=(chromium etcd-server etcd-client dbus dbus-daemon openssh-client vagrant util-linux procps tinyproxy openssl curl libxml2-utils)
fi

# What else whoever calls us needs.
read -ra more <<<"${FLOTILLA_SETUP_MORE:-}"
packages+=("${more[@]}")

fail() {
  printf '%s\n  %s\n' "$1" "$2" >&2
  exit 4
}

command -v node >/dev/null || fail "Node.js is not installed." "Install Node 20 or newer: https://nodejs.org"
command -v npm >/dev/null || fail "npm is not installed." "It comes with Node.js: https://nodejs.org"
major=$(node -p 'process.versions.node.split(".")[0]')
[ "$major" -ge 20 ] || fail "Node.js $(node -v) is too old." "Install Node 20 or newer: https://nodejs.org"

if ! cmp -s package-lock.json node_modules/.flotilla-lock; then
  echo "npm ci: installing our dependencies"
  npm ci --no-audit --no-fund --loglevel=error
  cp package-lock.json node_modules/.flotilla-lock
fi

command -v dpkg-query >/dev/null || fail "This is not a Debian machine." "Only Debian (and its relatives) can build node images for now."
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "Debian packages to install: ${missing[*]}"
  [ "$(id -u)" = 0 ] || fail "Installing packages needs root." "Run: sudo apt-get install ${missing[*]}"
  # Packages that bring a service of their own (docker-registry, etcd) shall not start it here: we run our own copies.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

npm run --silent build
