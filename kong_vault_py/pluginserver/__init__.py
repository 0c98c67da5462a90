"""The plugin server: Kong calls Python plugins through it. The only part that knows ``kong_pdk``.

``protocol`` and ``connection`` speak with Kong, ``dispatch`` names the methods, ``events`` and ``runner`` run phases,
``pdk`` is what a plugin calls, ``failure`` decides what a failed phase does to the request, ``plugins``, ``dump`` and
``instances`` are the plugins, ``server`` and ``serve`` put it together.
"""

from __future__ import annotations

__all__: list[str] = []
