"""First files of an installation, made from what the package knows of its vaults and plugins (``kong-vault init``)."""
