return require("kong_vault_py.agent").strategy("conjur")
