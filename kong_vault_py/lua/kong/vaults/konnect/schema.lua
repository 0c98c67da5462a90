-- Written by `python -m docs.fill_lua_schemas` from the options of kong_vault_py/strategies.
return {
  name = "konnect",
  fields = {
    { config = {
      type = "record",
      fields = {
        { config_store_id = {
          type = "string",
          match = "^[%w_.-]+$",
          description = "Id of the Config Store. Required with `manager_url`; a store file of another id is refused.",
        } },
        { store_file = {
          type = "string",
          description = "Store file that `kong-vault store` writes: the embedded mode.",
        } },
        { master_key = {
          type = "string",
          referenceable = true,
          encrypted = true,
          description = "Where the store file's master keys are: `file:<path>`, `env:<variable>` or a reference to another vault.",
        } },
        { manager_url = {
          type = "string",
          description = "URL of the manager (`kong-vault manager`) that has the Config Store.",
        } },
        { node_token = {
          type = "string",
          referenceable = true,
          encrypted = true,
          description = "This node's token at the manager; required with `manager_url`.",
        } },
        { ssl_verify = {
          type = "boolean",
          default = true,
          description = "Verify the manager's certificate (https); on or off.",
        } },
        { ca_cert = {
          type = "string",
          description = "File (PEM) of the certificate authority of the manager; unset: the public ones that certifi has.",
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
