# Biplane's front door. Every target works on a bare Debian 12: what is missing is installed first
# (tools/install-dependencies.sh; quick when nothing is). `make help` lists the targets.

BUILD   := build/dev
PYTHON  := /usr/bin/python3
JOBS    := $(shell nproc)

# Two runs in one checkout take turns at building.
LOCKED := mkdir -p build && flock build/.lock

.DEFAULT_GOAL := help
.PHONY: help dependencies programs build asan demo test soak bench pictures format install clean
.NOTPARALLEL:

help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

dependencies:
	@tools/install-dependencies.sh

programs: dependencies ## Builds the programs into build/dev
	@$(LOCKED) tools/build.sh dev "$(JOBS)" --target programs

build: dependencies ## Builds the programs and the tests into build/dev
	@$(LOCKED) tools/build.sh dev "$(JOBS)"

asan: dependencies
	@$(LOCKED) tools/build.sh asan "$(JOBS)"

demo: programs ## Two nodes, two tenants, two planes, real traffic; KEEP=1 leaves it up
	@$(PYTHON) examples/demo/demo.py --programs $(BUILD)/bin $(if $(KEEP),--keep)

test: build asan ## Everything: unit tests, all engines, sanitizers, live tests, checks of the house
	@ctest --test-dir $(BUILD) --output-on-failure --no-tests=error -j $(JOBS) -LE soak

soak: build asan ## What takes longer: the whole of make test, then clang-tidy over all sources and long fuzzing
	@ctest --test-dir $(BUILD) --output-on-failure --no-tests=error -j $(JOBS)

bench: build ## Side by side with opponents and limits; QUICK=1 in five minutes, ONLY=name (ONLY=help), PUBLISH=1 writes docs/performance.md
	@bench/install-opponents.sh
	@$(PYTHON) bench/bench.py --build $(BUILD) $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY)) $(if $(PUBLISH),--publish)

pictures: dependencies ## Draws docs/pictures/*.svg again from their .dot sources
	@tools/draw-pictures.sh

format: dependencies ## Formats the sources with clang-format
	@tools/check_format.py --fix

install: dependencies ## Builds for release and installs below PREFIX (default /usr/local); writes /etc/biplane/biplane.yaml if it is missing
	@$(LOCKED) tools/build.sh release "$(JOBS)" -DCMAKE_INSTALL_PREFIX=$(or $(PREFIX),/usr/local) --target programs
	@cmake --install build/release

clean: ## Removes the build directory
	rm -rf build
