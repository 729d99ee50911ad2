#!/bin/bash
# Creates or updates the role and user rulebridge.
set -euo pipefail
put() {
  curl --silent --show-error --fail-with-body --user "elastic:$ELASTIC_PASSWORD" --request PUT \
    --header 'Content-Type: application/json' --data @- "$ELASTICSEARCH_URL/_security/$1"
  echo
}
put role/rulebridge <<'JSON'
{"cluster": ["manage_index_templates", "monitor"],
 "indices": [{"names": ["rulebridge-*"], "privileges": ["read", "write", "maintenance", "view_index_metadata", "create_index", "manage"]}]}
JSON
put user/rulebridge <<JSON
{"password": "$RULEBRIDGE_USER_PASSWORD", "roles": ["rulebridge"]}
JSON
