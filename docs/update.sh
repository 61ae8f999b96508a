#!/bin/bash
# Writes rules.md anew: bazel run //docs:update
set -euo pipefail

: "${BUILD_WORKSPACE_DIRECTORY:?run it with bazel run //docs:update}"
cat "$1" >"$BUILD_WORKSPACE_DIRECTORY/docs/rules.md"
