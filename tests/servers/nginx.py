"""A real nginx with the Lua module, as Kong is one: runs Lua in the phases in which Kong calls vault strategies."""

from __future__ import annotations

import http.client
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.servers.ports import free_port
from tests.servers.process import ServerProcess

_MODULES = ("ndk_http_module.so", "ngx_http_lua_module.so")
_MODULE_FOLDERS = (Path("/usr/lib/nginx/modules"), Path("/usr/lib64/nginx/modules"), Path("/usr/share/nginx/modules"))
_PROGRAMS = ("/usr/sbin", "/usr/local/sbin", "/usr/local/openresty/nginx/sbin")

_CONFIG = """\
{modules}
{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log notice;
{variables}
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    lua_package_path "{lua_path}";
    lua_shared_dict results 1m;
    init_by_lua_block {{ require("phases").init("{folder}") }}
    init_worker_by_lua_block {{ require("phases").init_worker("{folder}") }}
    server {{
        listen 127.0.0.1:{port};
        client_body_buffer_size 1m;
        location = /ping {{ return 200; }}
        location = /results {{ content_by_lua_block {{ require("phases").results() }} }}
        location = /timer {{ content_by_lua_block {{ require("phases").timer() }} }}
        location = /header_filter {{
            content_by_lua_block {{ require("phases").keep_calls() }}
            header_filter_by_lua_block {{ require("phases").header_filter() }}
        }}
        location = /access {{
            access_by_lua_block {{ require("phases").access() }}
        }}
    }}
}}
"""


def nginx_program() -> tuple[Path, list[Path]] | None:
    """Return nginx and the modules to load for Lua, ``None`` where there is none."""
    found = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), *_PROGRAMS]))
    if found is None:
        return None
    for folder in _MODULE_FOLDERS:
        modules = [folder / name for name in _MODULES]
        if all(module.exists() for module in modules):
            return Path(found), modules
    return (Path(found), []) if "openresty" in str(Path(found).resolve()) else None


class Nginx:
    """One nginx with one worker; a context manager.

    Args:
        folder: its folder, for everything.
        lua_path: where its Lua finds modules; ``phases`` must be among them.
        environment: variables that Lua may read, in all phases.
    """

    def __init__(self, folder: Path, lua_path: str, environment: Mapping[str, str] | None = None) -> None:
        program = nginx_program()
        assert program is not None
        path, modules = program
        self.folder = folder
        self.port = free_port()
        config = folder / "nginx.conf"
        config.write_text(
            _CONFIG.format(
                modules="\n".join(f"load_module {module};" for module in modules),
                # Its workers must reach sockets in folders of the tests' own user.
                user="user root root;" if os.geteuid() == 0 else "",
                variables="\n".join(f"env {name};" for name in environment or ()),
                folder=folder,
                lua_path=lua_path,
                port=self.port,
            )
        )
        self._process = ServerProcess(
            [path, "-e", folder / "error.log", "-p", folder, "-c", config], folder, self._answers, environment
        )

    def __enter__(self) -> Nginx:
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    @property
    def error_log(self) -> str:
        """What it has logged."""
        return (self.folder / "error.log").read_text(errors="replace")

    def plan(self, phase: str, calls: Sequence[Mapping[str, Any]]) -> None:
        """Have calls made at the start: in ``init``, ``init_worker`` or ``init_worker_timer``."""
        (self.folder / f"{phase}.json").write_text(json.dumps(calls))

    def call(self, phase: str, calls: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Make calls in a request's phase, or in a timer, and return their results."""
        status, text = self.ask("POST", f"/{phase}", json.dumps(calls))
        assert status == 200, (status, text)
        found: list[Any] = json.loads(text)
        return found

    def results(self) -> dict[str, Any]:
        """Return the results of the start's calls, by phase."""
        _status, text = self.ask("GET", "/results")
        found: dict[str, Any] = json.loads(text)
        return found

    def ask(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        """Send a request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("X-Result") or answer.read().decode()
        finally:
            connection.close()

    def _answers(self) -> bool:
        try:
            return self.ask("GET", "/ping")[0] == 200
        except OSError:
            return False
