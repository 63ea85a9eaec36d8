#!/usr/bin/env bash
# Installs from Debian what the bench compares Biplane with, and what draws its plots. What cannot be installed is named and left
# out: the bench then reports the devices that need it as skipped. Nothing is started, and no service is left to start at boot.
set -uo pipefail
# shellcheck source=tools/packages.sh
source "$(dirname "$0")/../tools/packages.sh"

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

find_missing "$packages"
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    echo "install-opponents: not installed, for want of apt-get or of root: ${missing[*]}" >&2
    exit 0
fi

start_no_services
echo "install-opponents: installing ${missing[*]}"
log=$(mktemp)
# One by one after a failure of the whole, so that one that is not there does not keep the others away.
if ! install_packages "${missing[@]}"; then
    apt-get update -qq >/dev/null 2>&1
    for package in "${missing[@]}"; do
        install_packages "$package" || { echo "install-opponents: $package cannot be installed:" >&2; tail -n 3 "$log" >&2; }
    done
fi
rm -f "$log"

for service in $services; do disable_service "$service"; done
exit 0
