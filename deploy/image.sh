#!/bin/sh
# Builds the content of a worker's image in the current folder, which must contain package.json, its lock file, setup/,
# tsconfig*.json, src/, pages/ and tasks/. Downloads what is missing into RLAIF_CACHE, compiles, and removes what only
# the build needs.
set -eu
node setup/main.mjs
npm prune --omit=dev --ignore-scripts
rm -rf src
