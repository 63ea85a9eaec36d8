#!/usr/bin/env bash
# Installs what Biplane needs to be built, tested and shown, and what a bare Debian 12 lacks. Quick when nothing is missing,
# and then it needs neither root nor a network. Nothing is started: a package that brings a service has it kept off.
set -euo pipefail
# shellcheck source=tools/packages.sh
source "$(dirname "$0")/packages.sh"

# package                 reason
packages='
make                      the front door: make demo, make test
cmake                     configures the build
ninja-build               runs it
pkg-config                finds libbpf, libxdp and libmnl
g++                       compiles the user plane, the agent and the tests
clang-19                  compiles the kernel plane for BPF, and the fuzzers
llvm-19                   llvm-strip-19 takes the debug sections off the BPF object
libclang-rt-19-dev        libFuzzer and the sanitizers of clang
clang-format-19           the format check
clang-tidy-19             the tidy check
linux-libc-dev            the kernel interface: bpf.h, if_xdp.h
libbpf-dev                loads programs, pins maps
libxdp-dev                AF_XDP rings
libmnl-dev                netlink: links, addresses, routes
libfmt-dev                text, as g++ 12 has no std::format
libspdlog-dev             log
libyaml-cpp-dev           configuration and documents, with line and column
nlohmann-json3-dev        JSON of the API and of -o json
libcli11-dev              command lines
libboost-dev              Beast parses the HTTP of the API
libexpected-dev           tl::expected, as g++ 12 has no std::expected in C++20
libgtest-dev              unit tests
librapidcheck-dev         property tests
python3                   the lab of network namespaces, the demo, the checks
python3-pytest            runs the live tests
python3-scapy             builds damaged packets for the live tests, reads captures
python3-yaml              reads documents in the tests
iproute2                  ip, ss: the lab makes namespaces and links
util-linux                nsenter, flock
ethtool                   looks at and switches offloads
iputils-ping              ping
curl                      a real web client
nginx-light               a real web server (kept off as a service)
iperf3                    real TCP and UDP streams (kept off as a service)
tcpdump                   captures
nmap                      scans
conntrack                 the connection tracking that ours is compared with
nftables                  keeps stacks of test namespaces silent; the rules that live tests are compared with
traceroute                a real traceroute
qemu-system-x86           machines with other kernels, under emulation
busybox-static            their initramfs
cpio                      packs it
kmod                      depmod: the modules of those kernels
graphviz                  draws docs/pictures
groff-base                sets the manual pages, for their test
'

find_missing "$packages"
[ ${#missing[@]} -gt 0 ] || exit 0

stop() {
    echo "install-dependencies: $*" >&2
    exit 1
}

if ! command -v apt-get >/dev/null; then
    stop "this machine has no apt-get. Biplane is developed on Debian 12; elsewhere, install the counterparts of: ${missing[*]}"
fi
if [ "$(id -u)" != 0 ]; then
    stop "some packages are missing and only root can install them. Run: sudo apt-get install --no-install-recommends ${missing[*]}"
fi

start_no_services
echo "install-dependencies: installing ${missing[*]}"
log=$(mktemp)
if ! install_packages "${missing[@]}"; then
    # Most often the package lists are old, or were never fetched.
    if ! apt-get update -qq >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        stop "apt-get update failed (above). Check the network and /etc/apt/sources.list, then run this again."
    fi
    if ! install_packages "${missing[@]}"; then
        tail -n 30 "$log" >&2
        stop "apt-get install failed (above). If a package is unknown, this is not Debian 12 (bookworm) with its security updates;" \
             "if dpkg was interrupted, run 'dpkg --configure -a'. Then run this again."
    fi
fi
rm -f "$log"

for package in "${missing[@]}"; do
    case $package in
        nginx-light) disable_service nginx ;;
        iperf3) disable_service iperf3 ;;
    esac
done
