#!/bin/sh
# Creates Temporal's two databases, or brings them to this version. The connection is in SQL_… variables.
set -eu
for part in temporal:temporal temporal_visibility:visibility; do
  database=${part%%:*} schema=${part##*:}
  temporal-sql-tool --database "$database" create-database
  temporal-sql-tool --database "$database" setup-schema --version 0.0
  temporal-sql-tool --database "$database" update-schema --schema-dir "/etc/temporal/schema/postgresql/v12/$schema/versioned"
done
