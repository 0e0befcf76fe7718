#!/usr/bin/env bash
# Build the official releases that reports compare with 3.7.1: etcd-3.6 and etcd-3.5, at the versions of their go.mod.
# usage: build.sh TARGET_FOLDER
set -euo pipefail
target=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")"
command -v go >/dev/null || { echo "building official etcd needs Go (https://go.dev)" >&2; exit 1; }

for release in 36 35; do
  echo "building official etcd 3.${release#3}"
  (cd "peers$release" && CGO_ENABLED=0 go build -trimpath -o "$target/etcd-3.${release#3}" go.etcd.io/etcd/server/v3)
done
