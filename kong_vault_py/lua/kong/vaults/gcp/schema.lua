-- Written by `python -m docs.fill_lua_schemas` from the options of kong_vault_py/strategies.
return {
  name = "gcp",
  fields = {
    { config = {
      type = "record",
      fields = {
        { project_id = {
          type = "string",
          match = "^%w[%w.:-]*$",
          description = "Id or number of the project with the secrets.",
        } },
        { service_account = {
          type = "string",
          referenceable = true,
          encrypted = true,
          description = "Key of a service account (JSON text); unset: GCP_SERVICE_ACCOUNT, else application default credentials.",
        } },
        { endpoint_url = {
          type = "string",
          default = "https://secretmanager.googleapis.com",
          required = true,
          description = "Base URL of the API, for a private endpoint or an emulator: scheme, host and port.",
        } },
        { ca_cert = {
          type = "string",
          description = "File (PEM) of the certificate authority to trust at Google; unset: the public ones that certifi has.",
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
