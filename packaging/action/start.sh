#!/usr/bin/env bash
# Starts the server in the background, waits until it answers, and writes the outputs of the action.
# The runner ends the server with the job.
set -euo pipefail

folder=$(mktemp -d "${RUNNER_TEMP:-${TMPDIR:-/tmp}}/shimmy.XXXXXX")
address=$folder/address log=$folder/log

set -- serve --port "${SHIMMY_ACTION_PORT:-0}"
[ -z "${SHIMMY_ACTION_MODEL:-}" ] || set -- "$@" --model-path "$SHIMMY_ACTION_MODEL" --yes

# The working directory may have a configuration of Deno's of its own, which is not Shimmy's.
nohup deno run --config "$SHIMMY_ROOT/deno.json" --no-prompt --allow-ffi --allow-read --allow-write \
  --allow-net --allow-env --allow-sys --allow-run "$SHIMMY_ROOT/main.ts" "$@" \
  </dev/null >"$address" 2>"$log" &
server=$!

fail() {
  echo "$1" >&2
  cat "$log" >&2
  exit 1
}

# The first line on stdout is the address.
for ((i = 0; i < 600; i++)); do
  [ ! -s "$address" ] || break
  kill -0 "$server" 2>/dev/null || fail "Shimmy ended before it listened"
  sleep 0.2
done
[ -s "$address" ] || fail "Shimmy did not listen within two minutes"
base=http://$(head -n 1 "$address")
curl --fail --silent --show-error --max-time 10 "$base/health" >/dev/null ||
  fail "Shimmy does not answer at $base/health"

{
  echo "base-url=$base"
  echo "log=$log"
  echo "pid=$server"
} >>"${GITHUB_OUTPUT:-/dev/stdout}"
echo "Shimmy answers at $base" >&2
