#!/usr/bin/env bash
# Installs from Debian what the bench compares Biplane with, and what draws its plots. What cannot be installed is named and left
# out: the bench then reports the devices that need it as skipped. Nothing is started, and no service is left to start at boot.
set -uo pipefail

# package                 reason
packages='
nftables                  Linux with a stateful policy
conntrack                 lists and counts what the kernel tracks
openvswitch-switch        OVS, its user-space datapath over AF_PACKET
openvswitch-switch-dpdk   OVS with DPDK over AF_XDP
dpdk-dev                  testpmd
python3-matplotlib        plots
'
services='nftables openvswitch-switch ovsdb-server ovs-vswitchd dpdk'

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

missing=()
while read -r package _; do
    [ -z "$package" ] || is_installed "$package" || missing+=("$package")
done <<<"$packages"
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    echo "install-opponents: not installed, for want of apt-get or of root: ${missing[*]}" >&2
    exit 0
fi

# While packages are unpacked, no service of theirs is started; a policy that is already there is left alone.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
echo "install-opponents: installing ${missing[*]}"
log=$(mktemp)
install() {
    apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1
}
# One by one after a failure of the whole, so that one that is not there does not keep the others away.
if ! install "${missing[@]}"; then
    apt-get update -qq >/dev/null 2>&1
    for package in "${missing[@]}"; do
        install "$package" || { echo "install-opponents: $package cannot be installed:" >&2; tail -n 3 "$log" >&2; }
    done
fi
rm -f "$log"

for service in $services; do
    if [ -d /run/systemd/system ]; then
        systemctl disable --quiet "$service" 2>/dev/null || true
    elif [ -e "/etc/init.d/$service" ]; then
        update-rc.d "$service" disable >/dev/null 2>&1 || true
    fi
done
exit 0
