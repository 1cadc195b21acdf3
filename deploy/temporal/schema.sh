#!/bin/sh
# Creates Temporal's two databases and updates their tables to this version. Can be run repeatedly.
set -eu
schema=/etc/temporal/schema/postgresql/v12

prepare() {
  tool="temporal-sql-tool --plugin $SQL_PLUGIN --endpoint $SQL_HOST --port $SQL_PORT --user $SQL_USER --database $1"
  $tool create || true # it may already exist
  $tool setup-schema --version 0.0 || true # as above
  $tool update-schema --schema-dir "$schema/$2/versioned"
}

prepare temporal temporal
prepare temporal_visibility visibility
