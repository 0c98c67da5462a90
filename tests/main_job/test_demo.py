"""``make demo`` where no Vault server can be had: the same story on files."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.servers.redis_server import redis_program

ROOT = Path(__file__).parents[2]


def test_the_demo_tells_its_story_on_files_where_there_is_no_vault(tmp_path, redis_server):
    redis_server()  # skips, or fails in CI, where there is no Redis
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "redis-server").symlink_to(shutil.which(redis_program()))
    environment = {**os.environ, "PATH": str(programs), "XDG_CACHE_HOME": str(tmp_path)}

    told = subprocess.run(
        [sys.executable, "-m", "examples.demo"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90
    )

    assert told.returncode == 0, told.stderr
    assert "the same story on files, strategy fs" in told.stdout
    assert "X-Cache-Status: Miss" in told.stdout
    assert "X-Cache-Status: Hit" in told.stdout
    assert ", 0 failed" in told.stdout
