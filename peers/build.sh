#!/usr/bin/env bash
# Build the official tools that the tests and benchmarks drive, at the versions go.mod pins.
# usage: build.sh TARGET_FOLDER
set -euo pipefail
target=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")"
command -v go >/dev/null || { echo "make peers needs Go (https://go.dev): it builds official etcd from source." >&2; exit 1; }

build() {  # name, package
  echo "building $1 ($2)"
  CGO_ENABLED=0 go build -trimpath -o "$target/$1" "$2"   # without cgo, as etcd's own releases are built
}
build etcd go.etcd.io/etcd/server/v3
build etcdctl go.etcd.io/etcd/etcdctl/v3
build etcdutl go.etcd.io/etcd/etcdutl/v3
build benchmark go.etcd.io/etcd/v3/tools/benchmark
build h2spec github.com/summerwind/h2spec/cmd/h2spec
