# shellcheck shell=bash
# What the installers of Debian packages share; they source it. A list has a package a line, then what it is for.

# Sets `missing` to those of the list that dpkg does not have installed.
find_missing() {
    missing=()
    local package reason
    while read -r package reason; do
        [ -z "$package" ] || [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done <<<"$1"
}

# Until the caller ends, no service is started while its package is unpacked; a policy that is already there is left alone.
start_no_services() {
    policy=/usr/sbin/policy-rc.d
    [ ! -e "$policy" ] || return 0
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
}

# Installs the packages; what apt-get says goes to $log.
install_packages() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" \
        >"$log" 2>&1
}

# Nor is the service started at the next boot.
disable_service() {
    if [ -d /run/systemd/system ]; then
        systemctl disable --quiet "$1" 2>/dev/null || true
    elif [ -e "/etc/init.d/$1" ]; then
        update-rc.d "$1" disable >/dev/null 2>&1 || true
    fi
}
