"""The vault backends, one file each; ``registry.py`` knows their names, ``base.py`` is the contract."""
