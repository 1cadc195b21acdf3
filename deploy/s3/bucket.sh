#!/bin/sh
# Makes the bucket of the artifacts on a SeaweedFS server, once. MASTER and FILER are its addresses.
set -eu
ask() { echo "$1" | weed shell -master="$MASTER" -filer="$FILER"; }
ask s3.bucket.list | grep -qw rlaif || ask "s3.bucket.create -name rlaif"
