#!/usr/bin/env bash
# All checks and tests. Integration and end-to-end tests run in a network namespace of their own with no route out, which
# proves that nothing needs the Internet once the image exists. The last line counts the tests from vitest's own reports.
set -uo pipefail
cd "$(dirname "$0")/.."

reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
broken=0

stage() {
  printf '\n== %s\n' "$1"
  shift
  local begun=$SECONDS
  "$@" || broken=1
  printf '   (%d s)\n' $((SECONDS - begun))
}
project() { # NAME [WRAPPER]
  ${2:-} npm run --silent "$1" -- --reporter=default --reporter=json --outputFile.json="$reports/$1.json"
}

stage "types" npm run --silent typecheck
stage "lint" npm run --silent lint
stage "format" npm run --silent format:check
stage "unit" project unit
stage "image" node dist/cluster.js image build
stage "integration" project integration test/support/in-netns.sh
stage "end to end" project e2e test/support/in-netns.sh

printf '\n'
node scripts/count-tests.js "$broken" "$reports"/{unit,integration,e2e}.json
