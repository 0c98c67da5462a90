--- What kong.conf and the environment say beside a vault's own config.

--- Returns the text of vault_<name>, or nil.
-- @param name as in kong.conf, without its prefix: "py_agent_socket"
return function(name)
  local key = "vault_" .. name:gsub("-", "_")
  local configuration = kong and kong.configuration
  local text = configuration and configuration[key]
  -- The command line has no kong.configuration yet while it reads kong.conf.
  if text == nil then
    text = os.getenv("KONG_" .. key:upper())
  end
  return type(text) == "string" and text ~= "" and text or nil
end
