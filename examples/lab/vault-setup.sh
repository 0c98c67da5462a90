#!/bin/sh
# Runs once in the lab, with Vault's own command line.
set -eu
umask 077
vault kv put -mount=secret redis/lab password=@/run/secrets/redis-password >/dev/null

printf 'path "secret/data/redis/lab" { capabilities = ["read"] }\n' | vault policy write kong-redis - >/dev/null
vault auth enable approle >/dev/null 2>&1 || true
vault write auth/approle/role/kong token_policies=kong-redis token_ttl=10m token_max_ttl=24h >/dev/null
vault read -field=role_id auth/approle/role/kong/role-id >/run/approle/role-id
vault write -f -field=secret_id auth/approle/role/kong/secret-id >/run/approle/secret-id
chown 1000:1000 /run/approle/*
echo "vault: the Redis password is in secret/redis/lab, and the AppRole 'kong' may read it"
