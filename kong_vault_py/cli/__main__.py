"""``python -m kong_vault_py.cli``: the command without its script."""

from kong_vault_py.cli import main

main(prog_name="kong-vault")
