"""Why something doesn't work on this machine: looks that find out, each with a remedy. Run by ``kong-vault doctor``."""
