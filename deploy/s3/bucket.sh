#!/bin/sh
# Creates the bucket for artifacts on a SeaweedFS server if it does not exist. MASTER and FILER are the server's
# addresses.
set -eu
ask() { echo "$1" | weed shell -master="$MASTER" -filer="$FILER"; }
ask s3.bucket.list | grep -qw rlaif || ask "s3.bucket.create -name rlaif"
