#!/bin/sh
# Write every lock again: hashes, all platforms, no index addresses.
# Usage: requirements/lock.sh UV
set -eu
uv=$1
cd "$(dirname "$0")/.."
# Settings of this machine, local indexes among them, must leave no trace in a lock.
unset UV_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL UV_FIND_LINKS PIP_FIND_LINKS PIP_INDEX_URL PIP_EXTRA_INDEX_URL
compile() {
  lock=$1
  shift
  "$uv" --no-config pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --no-annotate --no-emit-package churn-stack \
    --custom-compile-command "make lock" -o "requirements/$lock.txt" "$@"
}
compile bootstrap requirements/bootstrap.in
compile score pyproject.toml --extra score
compile batch pyproject.toml --extra batch
compile train pyproject.toml --extra train --extra api requirements/build.in
compile dev pyproject.toml --extra dev requirements/build.in
compile bench pyproject.toml --extra train requirements/build.in requirements/bench.in
compile sam requirements/sam.in
compile runtime requirements/runtime.in
compile front requirements/front.in --constraint requirements/dev.txt
compile sbom requirements/sbom.in
compile template-lint requirements/template-lint.in
compile audit requirements/audit.in
compile mutation requirements/mutation.in
# The peers of the online API; each has an environment of its own, since they agree on little.
for peer in fastapi-onnxruntime fastapi-sklearn mlflow mlserver bentoml litserve; do
  compile "bench-$peer" "requirements/bench-$peer.in"
done
