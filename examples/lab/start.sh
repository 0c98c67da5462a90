#!/bin/sh
# Writes what Kong's query commands read, then serves. Kong starts when the socket is there.
set -eu
exec kong-vault pluginserver --plugins-directory /plugins \
    --write-dumps /run/kong-vault/dumps --socket /run/kong-vault/python.socket
