#!/bin/sh
# Starts one part of a fleet in a container, and sets it up the first time:
#   container.sh bus | authority NAME... | broker NAME ADDRESS | client NAME
# What is a part's own is in CARNET_DIR, what hosts share (images, checkpoints, tokens not used yet) in CARNET_SHARED.
set -eu

here=$(dirname "$(readlink -f "$0")")
own=${CARNET_DIR:-/var/lib/carnet}
shared=${CARNET_SHARED:-/srv/carnet}
bus=${CARNET_BUS:-nats://bus:4222}
node=$here/../node_modules/.bin/node
carnet=$here/cli/carnet
umask 077
mkdir -p "$own"

# enrol ROLE NAME: trades the token the authority made for a certificate; the key is made here and stays here. Parts of a
# fleet come up in any order: as long as the bus or the authority is not there yet (exit status 7), it tries again.
enrol() {
  [ -f "$own/identity/certificate.pem" ] && return 0
  tries=0
  until "$carnet" enrol "$1" "$2" --server "$bus" --to "$own/identity" --token-file "$shared/tokens/$1-$2"; do
    [ $? -eq 7 ] && [ $tries -lt 60 ] || return 1
    tries=$((tries + 1))
    sleep 1
  done
  rm "$shared/tokens/$1-$2"
}

case "${1-}" in
bus)
  exec nats-server --addr "${CARNET_LISTEN:-0.0.0.0}" --port "${bus##*:}" --http_port "${CARNET_MONITOR:-8222}" \
    --jetstream --store_dir "$own"
  ;;
authority)
  shift
  [ -f "$own/ca/authority.pem" ] || "$node" "$here/authority/main.ts" init --directory "$own/ca" --fleet compose
  mkdir -p "$shared/tokens" "$shared/pool" "$shared/checkpoints"
  for holder in "$@"; do
    [ -e "$own/made-$holder" ] && continue
    "$node" "$here/authority/main.ts" token "${holder%-*}" "${holder#*-}" --directory "$own/ca" --minutes 1440 >"$own/token"
    mv "$own/token" "$shared/tokens/$holder"
    : >"$own/made-$holder"
  done
  exec "$node" "$here/authority/main.ts" serve --directory "$own/ca" --server "$bus"
  ;;
broker)
  name=$2
  address=$3
  enrol host "$name"
  mkdir -p "$own/state" "$own/run" "$own/logs"
  [ -f "$own/policy.conf" ] || "$carnet" policy build --host accepting >"$own/policy.conf"
  [ -f "$own/identities.yaml" ] || cat >"$own/identities.yaml" <<YAML
- { role: client, name: operator, context: "operator_u:operator_r:carnet_operator_t:s0-s3:c0.c1023" }
- { role: client, name: monitor, context: "monitor_u:monitor_r:carnet_monitor_t:s0-s3:c0.c1023" }
- { role: host, name: alpha, context: "system_u:system_r:alpha_host_t:s0-s3:c0.c1023" }
- { role: host, name: beta, context: "system_u:system_r:beta_host_t:s0-s3:c0.c1023" }
YAML
  [ -f "$own/file_contexts" ] || cat >"$own/file_contexts" <<CONTEXTS
$shared/pool/.*\\.(qcow2|raw|img)  --  system_u:object_r:qemu_virtdisk_t:s0
$shared/pool/(vmlinuz|initrd).*  --  system_u:object_r:qemu_kernel_t:s0
CONTEXTS
  [ -f "$own/broker.yaml" ] || cat >"$own/broker.yaml" <<YAML
host: $name
address: $address
bus: { servers: [ "$bus" ] }
identity: identity
identities: identities.yaml
policy: { file: policy.conf }
context: "system_u:system_r:carnet_t:s0-s3:c0.c1023"
pool: { directory: $shared/pool, fileContexts: file_contexts }
checkpoints: { directory: $shared/checkpoints, context: "system_u:object_r:carnet_store_t:s0" }
state: state
run: run
logs: logs
YAML
  # The broker says `ready` and nothing else; the health check looks for it.
  exec "$node" "$here/broker/main.ts" --config "$own/broker.yaml" >"$own/ready"
  ;;
client)
  own=$own/client-$2
  enrol client "$2"
  [ -f "$own/client.yaml" ] || printf 'bus: { servers: [ "%s" ] }\nidentity: identity\n' "$bus" >"$own/client.yaml"
  echo "$own/client.yaml"
  ;;
*)
  echo 'usage: container.sh bus | authority NAME... | broker NAME ADDRESS | client NAME' >&2
  exit 2
  ;;
esac
