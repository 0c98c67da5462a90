"""What nodes ask for: their group's vaults, Config Stores' values, and a place for their reports."""
