"""The agent: one resolver per node, behind HTTP on a unix socket, for Kong's Lua, plugin servers and scripts.

``options`` and ``token_file`` say who may ask, ``admission`` turns away who may not, ``bodies`` and ``requested`` read
what is asked for, ``app`` answers it with ``answers``; ``metrics`` and ``warmup`` tell how it goes; ``server`` listens,
``agent`` puts it together, ``serve`` and ``process`` run it on its own, ``notify`` speaks with systemd.
"""

from __future__ import annotations

__all__: list[str] = []
