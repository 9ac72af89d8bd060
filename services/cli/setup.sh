#!/bin/sh
# Installs what is missing and nothing else: `setup.sh demo` or `setup.sh test`. Needs no Node package to run.
set -eu

# command:Debian package that has it. The one list of what Carnet takes from the system.
to_run='qemu-system-x86_64:qemu-system-x86 qemu-img:qemu-utils nats-server:nats-server m4:m4'
to_test='checkpolicy:checkpolicy openssl:openssl docker-compose:docker-compose matchpathcon:selinux-utils
  audit2allow:policycoreutils-python-utils sesearch:setools secilc:secilc bzcat:bzip2'

case "${1-}" in
demo) wanted=$to_run ;;
test) wanted="$to_run $to_test" ;;
*)
  echo 'usage: setup.sh demo|test' >&2
  exit 2
  ;;
esac

cd "$(dirname "$0")/../.."
# Debian keeps daemons where an ordinary user does not look.
PATH="$PATH:/usr/sbin:/sbin"
export PATH
log=''
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT TERM

# quietly NAME COMMAND...: says one line, runs the command, and shows what it wrote only when it fails.
quietly() {
  echo "setup: $1" >&2
  shift
  log=${log:-$(mktemp)}
  "$@" >"$log" 2>&1 </dev/null && return 0
  cat "$log" >&2
  return 1
}

missing=''
for pair in $wanted; do
  command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
if [ -n "$missing" ]; then
  install="apt-get install --yes --no-install-recommends$missing"
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "setup: missing:$missing (the names of the Debian packages); install what has them and try again" >&2
    exit 1
  fi
  if [ "$(id -u)" -ne 0 ]; then
    echo "setup: missing:$missing; installing them needs root. Run: sudo $install" >&2
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  # The lists of a new machine may be empty or old: they are fetched when the packages are not to be had without.
  # shellcheck disable=SC2086
  if ! apt-get --simulate install --no-install-recommends $missing >/dev/null 2>&1; then
    quietly 'fetching the package lists (apt-get update)' apt-get update
  fi
  # shellcheck disable=SC2086
  quietly "installing$missing" $install ||
    { quietly 'fetching the package lists (apt-get update)' apt-get update && quietly "installing$missing" $install; } ||
    { echo "setup: could not install$missing" >&2; exit 1; }
fi

# The copy of the lock beside the packages says which packages they are; npm's own is trusted where it is not older.
stamp=node_modules/.carnet-lock.json
packages_are_there() {
  [ -x node_modules/.bin/node ] || return 1
  if [ -f "$stamp" ]; then cmp -s package-lock.json "$stamp"; else
    [ -f node_modules/.package-lock.json ] && [ ! package-lock.json -nt node_modules/.package-lock.json ]
  fi
}
if ! packages_are_there; then
  if ! command -v npm >/dev/null 2>&1; then
    echo 'setup: missing: npm (with Node 20 or newer)' >&2
    exit 1
  fi
  # `npm ci` takes the lock at its word; where a registry lacks a package of another platform only `npm install` gets by.
  quietly 'installing the Node packages (npm ci)' npm ci ||
    quietly 'installing the Node packages (npm install)' npm install ||
    { echo 'setup: could not install the Node packages' >&2; exit 1; }
  cp package-lock.json "$stamp"
fi
if ! node_modules/.bin/node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 24 ? 0 : 1)' 2>/dev/null; then
  echo 'setup: the package `node` did not bring Node 24; try: rm -r node_modules && npm install' >&2
  exit 1
fi

# Tests put questions to Debian's own policy where it can be had; it takes a while to make, so it is made once and kept.
debian_policy=test/support/policy/make-debian-policy.sh
kept=${XDG_CACHE_HOME:-${HOME:-/nowhere}/.cache}/carnet/selinux-policy
if [ "$1" = test ] && [ -f "$debian_policy" ] && [ ! -e "$kept/default" ]; then
  quietly "making Debian's SELinux policy for the tests" sh "$debian_policy" default "$kept/default" ||
    echo 'setup: it could not be made; the tests go on without' >&2
fi
