#!/bin/sh
# The default namespace keeps closed runs for a month; safe to run again.
set -eu
temporal operator namespace describe --namespace default >/dev/null 2>&1 ||
  temporal operator namespace create --namespace default --retention 720h
