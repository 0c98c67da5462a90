return require("kong_vault_py.agent").strategy("azure-certs")
