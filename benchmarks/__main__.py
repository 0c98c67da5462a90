"""``make bench``: every benchmark, one after the other. ``python -m benchmarks manager``: the manager's too."""

from __future__ import annotations

import platform
import sys

from benchmarks import agent, manager, plugins, pluginserver, resolver, startup

print(f"Python {platform.python_version()} on {platform.machine()}; trust the ratios, not single figures.")
for benchmark in (resolver, startup, pluginserver, plugins, agent):
    benchmark.main()
if "manager" in sys.argv[1:]:
    manager.main()
sys.exit(0)
