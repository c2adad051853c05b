#!/usr/bin/env bash
# Plays what takes long, on nodes of its own in a network namespace without a way out: dist/lab-long.json, dist/lab-long-*.html
#   scripts/lab-long.sh [node-kill|power-outage|soak|controller-kill|another SCENARIO]… [--times N] [--seconds N] [--seed N]
set -euo pipefail
cd "$(dirname "$0")/.."
node dist/cluster.js image build
exec test/support/in-netns.sh node scripts/with-node24.js scripts/lab-long.ts "$@"
