#!/bin/sh
# What an image of a worker holds, in the current folder: package.json, its lock file, setup/, tsconfig*.json, src/, pages/ and tasks/ must be there.
# Fetches what is missing into RLAIF_CACHE, compiles, and leaves out what only building needs.
set -eu
node setup/main.mjs
npm prune --omit=dev --ignore-scripts
rm -rf src
