"""``make bench``: every benchmark, one after the other."""

from __future__ import annotations

import platform
import sys

from benchmarks import agent, plugins, pluginserver, resolver, startup

print(f"Python {platform.python_version()} on {platform.machine()}; trust the ratios, not single figures.")
for benchmark in (resolver, startup, pluginserver, plugins, agent):
    benchmark.main()
sys.exit(0)
