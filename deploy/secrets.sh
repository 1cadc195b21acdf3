#!/bin/sh
# Writes .env in the current folder for docker compose: random passwords, keys and tokens, readable by you alone.
#
#   sh deploy/secrets.sh ["https://api.openai.com=OPENAI_API_KEY,http://labeler:8000"]
#
# The argument is RLAIF_ENDPOINTS, what workers may call. Existing lines stay as they are; only what is missing is added.
set -eu
umask 077
touch .env
chmod 600 .env

add() { grep -q "^$1=" .env || echo "$1=$2" >>.env; }
random() { openssl rand -hex 32; }

for name in POSTGRES_PASSWORD S3_ACCESS_KEY S3_SECRET_KEY RLAIF_METRICS_TOKEN RLAIF_CODEC_TOKEN GRAFANA_PASSWORD; do
  add "$name" "$(random)"
done
add RLAIF_PAYLOAD_KEYS "first:$(openssl rand -base64 32)"
[ -z "${1:-}" ] || add RLAIF_ENDPOINTS "$1"
grep -q '^RLAIF_ENDPOINTS=' .env ||
  echo "secrets: .env is written; set RLAIF_ENDPOINTS there to what workers may call, e.g. https://api.openai.com=OPENAI_API_KEY" >&2
