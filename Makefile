# Flotilla: what one types most.
#
#   make demo     a cluster of three machines loses power, and its service survives
#   make test     all checks and tests, on real nodes too

.DEFAULT_GOAL := help
.PHONY: help setup build demo mutants test check unit integration e2e e2e-vm bench fuzz lab picture fmt generate clean

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: ## npm ci, missing Debian packages, build
	@scripts/setup.sh demo

build: ## the programs, into dist/
	@npm run --silent build

demo: ## three machines, a service, two disasters: watch it come back (needs root)
	@scripts/setup.sh demo
	@scripts/demo.sh

test: ## all checks and tests, on real nodes too (needs root)
	@scripts/setup.sh test
	@scripts/test.sh

check: ## types, lint, format, unit tests: seconds, no root
	@npm run --silent typecheck
	@npm run --silent lint
	@npm run --silent format:check
	@npm run --silent unit

unit: ## unit tests
	@npm run --silent unit

integration: ## tests against real programs: etcd, dbus-daemon, sshd, Vagrant (needs root)
	@scripts/setup.sh test
	@test/support/in-netns.sh npm run --silent integration

e2e: ## tests on real nodes (needs root)
	@scripts/setup.sh test
	@node dist/cluster.js image build
	@test/support/in-netns.sh npm run --silent e2e

mutants: ## put known mistakes into a copy of the sources: each must turn a test red
	@node scripts/with-node24.js scripts/mutants.ts

e2e-vm: ## tests on virtual machines: Vagrant, libvirt, QEMU (half an hour, needs root; not part of 'make test')
	@scripts/e2e-vm.sh

RUNS ?= 3
MINUTES ?= 1
bench: ## measure fleet on three nodes (RUNS=30 power cuts of each kind, MINUTES=10 under load); also in dist/bench.json (needs root)
	@scripts/setup.sh demo
	@node dist/cluster.js image build
	@test/support/in-netns.sh node scripts/with-node24.js scripts/bench.ts --runs $(RUNS) --minutes $(MINUTES)

fuzz: ## 100,000 hostile inputs for the parser, the API and the registry's records
	@npm run --silent fuzz

lab: ## every scenario once, on real nodes: dist/lab.html (needs root)
	@scripts/setup.sh test
	@scripts/lab.sh

lab-long: ## two hours: outages 30 times each, a soak of one hour, the controller killed 100 times (needs root; PARTS="soak …" for some)
	@scripts/setup.sh test
	@scripts/lab-long.sh $(PARTS)

RUN ?= test/fixtures/histories/power-outage.ndjson
picture: ## docs/images/timeline.png anew, from a recorded run (RUN=a history or a JSON report)
	@scripts/setup.sh test
	@node scripts/with-node24.js scripts/picture.ts $(RUN)

fmt: ## format the sources
	@npm run --silent format

generate: ## JSON Schemas and the generated pages of docs/
	@npm run --silent generate

clean: ## remove what was built (clusters are removed with 'cluster destroy')
	@rm -rf dist
