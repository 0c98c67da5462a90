"""``kong-vault lua-path``: LuaJIT finds the vaults by it, and everything else as before."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from docs.fill_lua_schemas import NAMES

ROOT = Path(__file__).parents[2]


def lua_path(*options):
    done = subprocess.run(
        [sys.executable, "-m", "kong_vault_py.cli", "lua-path", *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def test_it_is_printed_for_kong_conf_and_for_a_shell():
    path = lua_path().removesuffix("\n")

    assert path.endswith("/kong_vault_py/lua/?/init.lua;;")
    assert lua_path("--conf") == f"lua_package_path = {path}\n"
    exported = [shlex.split(line) for line in lua_path("--env").splitlines()]
    assert exported == [["export", f"KONG_LUA_PACKAGE_PATH={path}"], ["export", f"LUA_PATH={path}"]]


@pytest.mark.usefixtures("nginx_and_luajit")
def test_luajit_finds_the_vaults_and_its_own_libraries():
    script = "for name in io.lines() do print(type(require('kong.vaults.' .. name).get), type(require('cjson'))) end"

    done = subprocess.run(
        ["luajit", "-e", script],
        input="\n".join(NAMES),
        env={"LUA_PATH": lua_path().strip()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("function\ttable\n" * len(NAMES), "")


def test_no_module_of_kongs_is_hidden():
    folder = ROOT / "kong_vault_py" / "lua"
    shipped = {str(path.relative_to(folder)) for path in folder.rglob("*.lua")}

    ours = {path for path in shipped if path.startswith("kong_vault_py/")}
    assert shipped - ours == {f"kong/vaults/{name}/{file}.lua" for name in NAMES for file in ("init", "schema")}


def test_the_wheel_brings_the_lua_files_along():
    files = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}

    lua = {path for path in files if path.endswith(".lua")}
    assert {f"kong_vault_py/lua/kong/vaults/{name}/schema.lua" for name in NAMES} <= lua
    assert len(lua) == len(list((ROOT / "kong_vault_py").rglob("*.lua")))
