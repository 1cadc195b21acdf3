#!/bin/sh
# Creates the default namespace, which keeps closed runs for 30 days. Can be run repeatedly.
set -eu
temporal operator namespace describe --namespace default >/dev/null 2>&1 ||
  temporal operator namespace create --namespace default --retention 720h
