"""What the vaults azure and azure-certs share: options, logging in, one bounded client of Azure Key Vault."""
