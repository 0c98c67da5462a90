"""``--dev``: a plugin's file is loaded again when it changes, without a restart of anything."""

from __future__ import annotations

import importlib.util
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent

from kong_vault_py.errors import ConfigError
from kong_vault_py.pluginserver.plugins import Catalog, find_plugins, load_plugin

if TYPE_CHECKING:
    from kong_vault_py.pluginserver.instances import Instances

__all__ = ["Reloading"]

log = logging.getLogger(__name__)

_LOOK_S = 0.25


class Reloading:
    """Looks at the plugins' files a few times a second.

    Args:
        directories: where they are.
        catalog: what is loaded; is changed.
        instances: those of a changed plugin are closed, at which Kong starts them again.
    """

    def __init__(self, directories: tuple[Path, ...], catalog: Catalog, instances: Instances) -> None:
        self._directories = directories
        self._catalog = catalog
        self._instances = instances
        self._seen = self._look()
        self._greenlet: Any = None

    def start(self) -> None:
        """Look from now on."""
        sys.dont_write_bytecode = True
        self._greenlet = gevent.spawn(self._follow)

    def stop(self) -> None:
        """Look no more."""
        if self._greenlet is not None:
            self._greenlet.kill()

    def _follow(self) -> None:
        while True:
            gevent.sleep(_LOOK_S)
            try:
                now = self._look()
            except ConfigError as error:
                log.error("%s", error)
                continue
            changed = {name: found for name, found in now.items() if self._seen.get(name) != found}
            for name in self._seen.keys() - now.keys():
                self._forget(name)
                log.info("plugin '%s' is gone: its file was removed", name)
            self._seen = now
            for name, (path, _stamp) in changed.items():
                self._load(name, path)

    def _look(self) -> dict[str, tuple[Path, tuple[int, int, int]]]:
        found = {}
        for name, path in find_plugins(self._directories).items():
            try:
                stat = path.stat()
            except OSError:  # removed meanwhile
                continue
            found[name] = path, (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        return found

    def _load(self, name: str, path: Path) -> None:
        # Python trusts compiled code by its source's size and second.
        Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)
        try:
            plugin = load_plugin(name, path)
        except ConfigError as error:
            self._forget(name)
            self._catalog.broken[name] = str(error)
            log.error("%s", error)
            return
        self._forget(name)
        self._catalog.plugins[name] = plugin
        log.info("plugin '%s' loaded again; a changed Schema, version or priority needs a restart of Kong", name)

    def _forget(self, name: str) -> None:
        self._catalog.plugins.pop(name, None)
        self._catalog.broken.pop(name, None)
        self._instances.close_all_of(name)
