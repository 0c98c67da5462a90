#!/bin/sh
# Rotates the Redis password: a new one in Redis and Vault, and every connection cut. Requests go on.
set -eu
cd "$(dirname "$0")/../.."
umask 077
new=$(head -c 24 /dev/urandom | base64 | tr -d '/+=')
old=$(cat examples/lab/redis-password.txt)

# Both by standard input: nothing secret in argv.
printf '%s' "$new" | docker compose exec -T vault vault kv put -mount=secret redis/lab password=- >/dev/null
printf 'AUTH %s\nCONFIG SET requirepass %s\nCLIENT KILL TYPE normal SKIPME yes\n' "$old" "$new" |
    docker compose exec -T redis redis-cli >/dev/null
printf '%s' "$new" >examples/lab/redis-password.txt
echo "rotated in Vault and Redis; watch: curl -i http://localhost:8000/anything"
