#!/bin/sh
# Prints the Secrets of the roles, for kubectl: what each role needs and no more.
#
#   OPENAI_API_KEY=… sh deploy/kubernetes/secrets.sh OPENAI_API_KEY | kubectl create -f -
#
# The arguments name variables with keys of endpoints: only label workers get them. From the environment, where they are
# set: SLACK_WEBHOOK_URL (workflow workers), HF_TOKEN (workflow and GPU workers), AWS_ACCESS_KEY_ID and
# AWS_SECRET_ACCESS_KEY (all workers), RLAIF_PAYLOAD_KEYS and RLAIF_METRICS_TOKEN (random if they are not).
# `create` and not `apply`: new payload keys in the place of old ones would make open runs unreadable.
set -eu
: "${RLAIF_PAYLOAD_KEYS:=first:$(openssl rand -base64 32)}"
: "${RLAIF_METRICS_TOKEN:=$(openssl rand -hex 32)}"

entry() { echo "  $1: $(printf %s "$2" | base64 | tr -d '\n')"; }

secret() { # name, then the names of variables
  printf -- '---\napiVersion: v1\nkind: Secret\nmetadata: { name: %s, namespace: rlaif }\ntype: Opaque\ndata:\n' "$1"
  shift
  for name; do
    eval "value=\${$name:-}"
    [ -z "$value" ] || entry "$name" "$value"
  done
}

for key; do
  case $key in *[!A-Za-z0-9_]* | [0-9]*) echo "secrets: \"$key\" is not the name of a variable" >&2 && exit 2 ;; esac
  eval "[ -n \"\${$key:-}\" ]" || { echo "secrets: the variable $key is not set" >&2 && exit 2; }
done
common="RLAIF_PAYLOAD_KEYS RLAIF_METRICS_TOKEN AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY"
# shellcheck disable=SC2086 # names without spaces
secret worker-workflow $common SLACK_WEBHOOK_URL HF_TOKEN
secret worker-label $common "$@"
secret worker-gpu $common HF_TOKEN
secret schedules RLAIF_PAYLOAD_KEYS
secret metrics
entry token "$RLAIF_METRICS_TOKEN"
