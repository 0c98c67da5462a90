--- What Kong does around a strategy, as far as it counts here (kong/pdk/vault.lua): a vault's config by name, with
-- inference, defaults of required fields alone and invalid values dropped; and the life of a value.

local MAX_TTL = 1e8
local INTERVAL_S = 60

local function fields_of(name)
  return require("kong.vaults." .. name .. ".schema").fields[1].config.fields
end


local function inferred(value, field)
  if value == "" then
    return ngx and ngx.null or require("cjson").null
  elseif field.type == "number" or field.type == "integer" then
    return tonumber(value) or value
  elseif field.type == "boolean" and (value == "true" or value == "false") then
    return value == "true"
  end
  return value
end


local function is_valid(value, field)
  local kind = type(value)
  if kind == "userdata" then
    return not field.required
  end
  local wanted = field.type == "integer" and "number" or field.type
  if kind ~= wanted or (field.match and not value:match(field.match)) then
    return false
  end
  if field.between and (value < field.between[1] or value > field.between[2]) then
    return false
  end
  if field.one_of then
    for _, allowed in ipairs(field.one_of) do
      if value == allowed then
        return true
      end
    end
    return false
  end
  return true
end


return {
  --- A vault's config by name: `given` is kong.conf's, with texts.
  config_of = function(name, given)
    local config = {}
    for _, entry in ipairs(fields_of(name)) do
      local option, field = next(entry)
      local value = inferred(given[option], field)
      if value ~= nil and is_valid(value, field) then
        config[option] = value
      elseif field.required and field.default ~= nil then
        config[option] = field.default
      end
    end
    return config
  end,

  --- Seconds until Kong asks again for a value that came with this ttl; nil where it never does (1e8 s).
  asks_again_in = function(ttl, config)
    local life = type(ttl) == "number" and (ttl <= 0 and MAX_TTL or ttl) or config.ttl or MAX_TTL
    return life < MAX_TTL and math.max(life, INTERVAL_S) or nil
  end,
}
