#!/usr/bin/env bash
# Configures and builds one preset: tools/build.sh PRESET JOBS [CMAKE OPTION...] [--target TARGET...]
# Quiet while all is well; if a step fails, shows what it said and stops with a sentence.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1 jobs=$2
shift 2
options=() targets=()
while [ $# -gt 0 ]; do
    if [ "$1" = --target ]; then
        targets=("$@")
        break
    fi
    options+=("$1")
    shift
done
log=build/$preset-configure.log
mkdir -p build
if ! cmake --preset "$preset" "${options[@]}" >"$log" 2>&1; then
    cat "$log"
    echo "make: configuring build/$preset failed. If a package was not found, run tools/install-dependencies.sh;" \
         "if the directory is from another compiler, run 'make clean'." >&2
    exit 1
fi
# Of a sanitizer's build only the tests count.
if ! cmake --build "build/$preset" -j "$jobs" "${targets[@]}"; then
    echo "make: building build/$preset failed: see the first error above. After 'make clean' it starts from nothing." >&2
    exit 1
fi
