"""Prometheus metrics of a resolver, the same in the agent, the plugin server and wherever else one runs.

::

    observer = HistogramObserver(registry)
    vault = Vault(settings, observer=observer)
    registry.register(collector(vault))

Labels are a strategy's name, an error's class and a vault's prefix. A reference is no label: clients may make up any
number of them. Nor is a prefix that no vault has: it counts as "other".
"""

from __future__ import annotations

from kong_vault_py.metrics.observer import HistogramObserver
from kong_vault_py.metrics.vault_collector import collector

__all__ = ["HistogramObserver", "collector"]
