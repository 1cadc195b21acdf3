#!/bin/sh
# Creates Temporal's two databases and brings their tables to this version; safe to run again.
set -eu
schema=/etc/temporal/schema/postgresql/v12

prepare() {
  tool="temporal-sql-tool --plugin $SQL_PLUGIN --endpoint $SQL_HOST --port $SQL_PORT --user $SQL_USER --database $1"
  $tool create || true # it is there already
  $tool setup-schema --version 0.0 || true # likewise
  $tool update-schema --schema-dir "$schema/$2/versioned"
}

prepare temporal temporal
prepare temporal_visibility visibility
