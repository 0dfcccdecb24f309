#!/bin/sh
# npm run bench [NAME ...]: runs bench/NAME.bench.ts (all by default) one after another and writes what they measured into
# docs/benchmarks.md. With names given the page keeps the figures of the other benchmarks.
set -eu
cd "$(dirname "$0")/.."
if [ $# = 0 ]; then
  for file in bench/*.bench.ts; do
    name=${file#bench/}
    set -- "$@" "${name%.bench.ts}"
  done
fi
clients=
case " $* " in *' network '*) clients='wrk:wrk ab:apache2-utils iperf3:iperf3 taskset:util-linux' ;; esac
case " $* " in *' proxy '* | *' balancing '*) clients="$clients wrk:wrk caddy:caddy" ;; esac
# shellcheck disable=SC2086 # a list
sh scripts/setup.sh $clients
PATH=$PWD/node_modules/.bin:$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH
results=bench/results
rm -rf "$results"
mkdir -p "$results"
status=0
for name; do
  printf 'bench: %s ...\n' "$name"
  if BENCH_JSON=1 node --disable-warning=ExperimentalWarning "bench/$name.bench.ts" >"$results/$name.new" </dev/null; then
    grep '^{' "$results/$name.new" >"$results/$name.jsonl" || :
  else
    printf 'bench: %s FAILED\n' "$name" >&2
    status=1
  fi
  rm -f "$results/$name.new"
done
node --disable-warning=ExperimentalWarning bench/page.ts "$results" docs/benchmarks.md
exit $status
