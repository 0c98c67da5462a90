-- Written by `python -m docs.fill_lua_schemas` from the options of kong_vault_py/strategies.
return {
  name = "hcv",
  fields = {
    { config = {
      type = "record",
      fields = {
        { protocol = {
          type = "string",
          default = "http",
          required = true,
          one_of = { "http", "https" },
          description = "How to talk to the Vault server.",
        } },
        { host = {
          type = "string",
          default = "127.0.0.1",
          required = true,
          match = "^[^%s/?#@\\]+$",
          description = "Host name or address of the Vault server.",
        } },
        { port = {
          type = "integer",
          default = 8200,
          required = true,
          between = { 0, 65535 },
          description = "Port of the Vault server.",
        } },
        { namespace = {
          type = "string",
          match = "^[!-~]+$",
          description = "Namespace (Vault Enterprise, OpenBao).",
        } },
        { mount = {
          type = "string",
          default = "secret",
          required = true,
          description = "Path where the KV secrets engine is mounted; may hold slashes.",
        } },
        { kv = {
          type = "string",
          default = "v1",
          one_of = { "v1", "v2" },
          description = "Version of the KV secrets engine at the mount.",
        } },
        { ssl_verify = {
          type = "boolean",
          default = true,
          description = "Verify the server's certificate (https); on or off.",
        } },
        { ca_cert = {
          type = "string",
          description = "File (PEM) of the certificate authority of the server; unset: the public ones that certifi has.",
        } },
        { auth_method = {
          type = "string",
          default = "token",
          required = true,
          one_of = { "token", "approle", "kubernetes", "cert", "jwt", "oauth2", "gcp_iam", "gcp_gce", "azure", "aws_iam", "aws_ec2" },
          description = "How to log in; oauth2 is another name of jwt.",
        } },
        { token = {
          type = "string",
          referenceable = true,
          encrypted = true,
          description = "Vault token, for auth_method token.",
        } },
        { approle_auth_path = {
          type = "string",
          default = "approle",
          required = true,
          description = "Path where the AppRole auth method is mounted.",
        } },
        { approle_role_id = {
          type = "string",
          referenceable = true,
          description = "Role ID, for auth_method approle.",
        } },
        { approle_secret_id = {
          type = "string",
          referenceable = true,
          encrypted = true,
          description = "Secret ID; or, with approle_response_wrapping, the wrapping token that holds it.",
        } },
        { approle_secret_id_file = {
          type = "string",
          description = "File with the secret ID (or wrapping token), read anew at every login; use it or approle_secret_id.",
        } },
        { approle_response_wrapping = {
          type = "boolean",
          default = false,
          description = "The secret ID is response-wrapped: unwrap it, once, before the first login.",
        } },
        { kube_auth_path = {
          type = "string",
          default = "kubernetes",
          required = true,
          description = "Path where the Kubernetes auth method is mounted.",
        } },
        { kube_role = {
          type = "string",
          description = "Role in Vault, for auth_method kubernetes.",
        } },
        { kube_api_token_file = {
          type = "string",
          default = "/var/run/secrets/kubernetes.io/serviceaccount/token",
          required = true,
          description = "File with the service account's token, read at every login.",
        } },
        { cert_auth_path = {
          type = "string",
          default = "cert",
          required = true,
          description = "Path where the TLS certificate auth method is mounted.",
        } },
        { cert_auth_role_name = {
          type = "string",
          description = "Role (trusted certificate) in Vault, for auth_method cert; unset: Vault tries all of them.",
        } },
        { cert_auth_cert = {
          type = "string",
          referenceable = true,
          description = "Client certificate, its chain after it: PEM text, or a file read at every login.",
        } },
        { cert_auth_cert_key = {
          type = "string",
          referenceable = true,
          encrypted = true,
          description = "The certificate's private key, not encrypted: PEM text, or a file.",
        } },
        { jwt_auth_path = {
          type = "string",
          default = "jwt",
          required = true,
          description = "Path where the JWT auth method is mounted.",
        } },
        { jwt_role = {
          type = "string",
          description = "Role in Vault, for auth_method jwt.",
        } },
        { oauth2_role_name = {
          type = "string",
          description = "Another name of jwt_role.",
        } },
        { oauth2_token_endpoint = {
          type = "string",
          match = "^https?://[!-~]+$",
          description = "URL of the identity provider's token endpoint.",
        } },
        { oauth2_client_id = {
          type = "string",
          referenceable = true,
          description = "Client ID at the identity provider.",
        } },
        { oauth2_client_secret = {
          type = "string",
          referenceable = true,
          encrypted = true,
          description = "Client secret at the identity provider.",
        } },
        { oauth2_audiences = {
          type = "string",
          description = "Audiences to ask a token for, separated by commas.",
        } },
        { gcp_auth_role = {
          type = "string",
          description = "Role in Vault, for auth_method gcp_iam or gcp_gce.",
        } },
        { gcp_login_path = {
          type = "string",
          default = "/v1/auth/gcp/login",
          required = true,
          description = "Login path of the GCP auth method.",
        } },
        { gcp_service_account = {
          type = "string",
          referenceable = true,
          description = "Email of the service account to log in as, for auth_method gcp_iam.",
        } },
        { gcp_jwt_exp = {
          type = "integer",
          default = 900,
          required = true,
          between = { 0, 900 },
          description = "Seconds for which the signed JWT is good (gcp_iam).",
        } },
        { azure_auth_role = {
          type = "string",
          description = "Role in Vault, for auth_method azure.",
        } },
        { azure_login_path = {
          type = "string",
          default = "/v1/auth/azure/login",
          required = true,
          description = "Login path of the Azure auth method.",
        } },
        { azure_resource = {
          type = "string",
          default = "https://management.azure.com/",
          required = true,
          description = "What the managed identity's token is for: 'resource' of Vault's config.",
        } },
        { aws_auth_role = {
          type = "string",
          description = "Role in Vault, for auth_method aws_iam or aws_ec2.",
        } },
        { aws_login_path = {
          type = "string",
          default = "/v1/auth/aws/login",
          required = true,
          description = "Login path of the AWS auth method.",
        } },
        { aws_auth_nonce = {
          type = "string",
          referenceable = true,
          encrypted = true,
          description = "Nonce that Vault binds to the instance at its first login (aws_ec2).",
        } },
        { aws_auth_region = {
          type = "string",
          match = "^[%w-]+$",
          description = "Region of STS, for auth_method aws_iam.",
        } },
        { aws_access_key_id = {
          type = "string",
          referenceable = true,
          description = "Access key; unset: the default credential chain (aws_iam).",
        } },
        { aws_secret_access_key = {
          type = "string",
          referenceable = true,
          encrypted = true,
          description = "Secret key, together with the access key.",
        } },
        { aws_sts_endpoint_url = {
          type = "string",
          match = "^https?://[!-~]+$",
          description = "URL of STS; unset: the region's.",
        } },
        { aws_assume_role_arn = {
          type = "string",
          description = "IAM role to assume before logging in (aws_iam).",
        } },
        { aws_role_session_name = {
          type = "string",
          default = "kong",
          required = true,
          description = "Name of the session of the assumed role.",
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
      entity_checks = {
        { conditional_at_least_one_of = {
          if_field = "auth_method", if_match = { eq = "approle" },
          then_at_least_one_of = { "approle_role_id" },
        } },
        { conditional_at_least_one_of = {
          if_field = "auth_method", if_match = { eq = "kubernetes" },
          then_at_least_one_of = { "kube_role" },
        } },
        { conditional_at_least_one_of = {
          if_field = "auth_method", if_match = { eq = "cert" },
          then_at_least_one_of = { "cert_auth_cert" },
        } },
        { conditional_at_least_one_of = {
          if_field = "auth_method", if_match = { eq = "cert" },
          then_at_least_one_of = { "cert_auth_cert_key" },
        } },
        { conditional_at_least_one_of = {
          if_field = "auth_method", if_match = { eq = "jwt" },
          then_at_least_one_of = { "jwt_role", "oauth2_role_name" },
        } },
        { conditional_at_least_one_of = {
          if_field = "auth_method", if_match = { eq = "jwt" },
          then_at_least_one_of = { "oauth2_token_endpoint" },
        } },
        { conditional_at_least_one_of = {
          if_field = "auth_method", if_match = { eq = "jwt" },
          then_at_least_one_of = { "oauth2_client_id" },
        } },
        { conditional_at_least_one_of = {
          if_field = "auth_method", if_match = { eq = "jwt" },
          then_at_least_one_of = { "oauth2_client_secret" },
        } },
        { conditional_at_least_one_of = {
          if_field = "auth_method", if_match = { eq = "oauth2" },
          then_at_least_one_of = { "jwt_role", "oauth2_role_name" },
        } },
        { conditional_at_least_one_of = {
          if_field = "auth_method", if_match = { eq = "oauth2" },
          then_at_least_one_of = { "oauth2_token_endpoint" },
        } },
        { conditional_at_least_one_of = {
          if_field = "auth_method", if_match = { eq = "oauth2" },
          then_at_least_one_of = { "oauth2_client_id" },
        } },
        { conditional_at_least_one_of = {
          if_field = "auth_method", if_match = { eq = "oauth2" },
          then_at_least_one_of = { "oauth2_client_secret" },
        } },
        { conditional_at_least_one_of = {
          if_field = "auth_method", if_match = { eq = "gcp_iam" },
          then_at_least_one_of = { "gcp_auth_role" },
        } },
        { conditional_at_least_one_of = {
          if_field = "auth_method", if_match = { eq = "gcp_iam" },
          then_at_least_one_of = { "gcp_service_account" },
        } },
        { conditional_at_least_one_of = {
          if_field = "auth_method", if_match = { eq = "gcp_gce" },
          then_at_least_one_of = { "gcp_auth_role" },
        } },
        { conditional_at_least_one_of = {
          if_field = "auth_method", if_match = { eq = "azure" },
          then_at_least_one_of = { "azure_auth_role" },
        } },
        { conditional_at_least_one_of = {
          if_field = "auth_method", if_match = { eq = "aws_iam" },
          then_at_least_one_of = { "aws_auth_role" },
        } },
        { conditional_at_least_one_of = {
          if_field = "auth_method", if_match = { eq = "aws_iam" },
          then_at_least_one_of = { "aws_auth_region" },
        } },
        { conditional_at_least_one_of = {
          if_field = "auth_method", if_match = { eq = "aws_ec2" },
          then_at_least_one_of = { "aws_auth_role" },
        } },
        { conditional_at_least_one_of = {
          if_field = "auth_method", if_match = { eq = "aws_ec2" },
          then_at_least_one_of = { "aws_auth_nonce" },
        } },
        { conditional_at_least_one_of = {
          if_field = "auth_method", if_match = { eq = "approle" },
          then_at_least_one_of = { "approle_secret_id", "approle_secret_id_file" },
        } },
        { mutually_exclusive = { "approle_secret_id", "approle_secret_id_file" } },
        { mutually_required = { "aws_access_key_id", "aws_secret_access_key" } },
        { conditional = {
          if_field = "auth_method", if_match = { eq = "cert" },
          then_field = "protocol", then_match = { eq = "https" },
        } },
      },
    } },
  },
}
