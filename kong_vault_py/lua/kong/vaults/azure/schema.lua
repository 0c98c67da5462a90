-- Written by `python -m docs.fill_lua_schemas` from the options of kong_vault_py/strategies.
return {
  name = "azure",
  fields = {
    { config = {
      type = "record",
      fields = {
        { vault_uri = {
          type = "string",
          match = "^https://[^%s/?#@\\]+/?$",
          description = "URI of the key vault, like `https://my-vault.vault.azure.net`.",
        } },
        { tenant_id = {
          type = "string",
          match = "^[%w.-]+$",
          referenceable = true,
          description = "Microsoft Entra tenant (directory) of the application; needs a client secret.",
        } },
        { client_id = {
          type = "string",
          match = "^[%w-]+$",
          referenceable = true,
          description = "Application (client) ID; without a client secret that of a user-assigned managed identity.",
        } },
        { client_secret = {
          type = "string",
          referenceable = true,
          encrypted = true,
          description = "Client secret of the application; unset: the environment variable below.",
        } },
        { credentials_prefix = {
          type = "string",
          default = "AZURE",
          required = true,
          match = "^[%a_][%w_]*$",
          description = "The client secret's environment variable is `{credentials_prefix}_CLIENT_SECRET`.",
        } },
        { location = {
          type = "string",
          description = "Azure region of the vault; taken for Kong's sake, as the vault's URI says it all.",
        } },
        { authority_host = {
          type = "string",
          default = "login.microsoftonline.com",
          required = true,
          match = "^[^%s/?#@\\]+$",
          description = "Host that hands out tokens; sovereign clouds have their own.",
        } },
        { ca_cert = {
          type = "string",
          description = "File (PEM) of the certificate authorities of vault and login, in place of the public ones; for private clouds, and for proxies that look into TLS.",
        } },
        { type = {
          type = "string",
          default = "secrets",
          required = true,
          one_of = { "secrets" },
          description = "What is read of the key vault.",
        } },
        { ttl = {
          type = "number",
          between = { 0, 100000000 },
          description = "Seconds after which a fetched value is refreshed in the background; 0 or unset: never, except on demand.",
        } },
        { neg_ttl = {
          type = "number",
          between = { 0, 100000000 },
          description = "Seconds for which a missing secret is remembered as missing.",
        } },
        { resurrect_ttl = {
          type = "number",
          between = { 0, 100000000 },
          description = "Seconds past ttl for which the old value is served while the vault is unavailable; unset: without end.",
        } },
        { min_ttl = {
          type = "number",
          between = { 0, 100000000 },
          description = "Lower bound in seconds for a ttl that the vault itself gives with a value.",
        } },
        { max_ttl = {
          type = "number",
          between = { 0, 100000000 },
          description = "Upper bound in seconds for a ttl that the vault itself gives with a value; 0 is off.",
        } },
        { base64_decode = {
          type = "boolean",
          default = false,
          description = "Decode the value from base64 before handing it on.",
        } },
        { decode_base64 = {
          type = "boolean",
          description = "Another name of base64_decode.",
        } },
        { fetch_timeout_s = {
          type = "number",
          default = 5,
          between = { 0.001, 50 },
          description = "Deadline in seconds for one fetch, logging in and retries included.",
        } },
        { agent_socket = {
          type = "string",
          match = "^/",
          description = "Socket of the node's agent; unset: vault_py_agent_socket, then /run/kong-vault/agent.sock.",
        } },
        { agent_host = {
          type = "string",
          one_of = { "127.0.0.1", "::1", "localhost" },
          description = "Loopback address of the agent, with agent_port.",
        } },
        { agent_port = {
          type = "integer",
          between = { 1, 65535 },
          description = "Port of the agent, in place of its socket.",
        } },
        { agent_token = {
          type = "string",
          referenceable = true,
          encrypted = true,
          description = "What the agent's token file holds, with agent_port.",
        } },
        { agent_timeout_s = {
          type = "number",
          between = { 0.001, 60 },
          description = "Deadline in seconds for an answer of the agent; unset: 10, or a second more than fetch_timeout_s.",
        } },
      },
    } },
  },
}
