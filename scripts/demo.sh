#!/usr/bin/env bash
# Three machines come up, hello.service runs on one of them, that machine loses power, then all of them do. Ends with the
# exit code of the scenarios: non-zero if the service did not come back.   KEEP=1 leaves the cluster running.
set -uo pipefail
cd "$(dirname "$0")/.."

cluster() { node dist/cluster.js --cluster clusters/demo "$@"; }
title() { printf '\n── %s\n' "$1"; }

finish() {
  local code=$?
  if [ "${KEEP:-0}" = 1 ]; then
    echo "The cluster is still there: node dist/cluster.js --cluster clusters/demo status"
  else
    title "cleaning up"
    cluster destroy || code=1
  fi
  exit "$code"
}

title "the image (built once, then cached)"
cluster image build || exit
title "cluster up"
trap finish EXIT
trap 'exit 130' INT TERM
cluster up --provider nspawn || exit
title "cluster status"
cluster status || exit
title "the machine that runs hello.service loses its power, then every machine does"
cluster test node-kill power-outage
