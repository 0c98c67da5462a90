"""A plugin with coroutines for phases."""

import asyncio

from kong_pdk.exception import PDKException


class Plugin:
    def __init__(self, config):
        self.config = config

    async def access(self, kong):
        await asyncio.sleep(self.config.get("sleep", 0.01))
        one, two = await asyncio.gather(self._part(kong, "one"), self._part(kong, "two"))
        try:
            await kong.vault.get("{vault://x/y}")
        except PDKException as error:
            await kong.log.err(str(error))
        await kong.response.set_header("x-results", f"{one} {two}")

    async def _part(self, kong, name):
        await asyncio.sleep(0)
        return await kong.request.get_header(name)

    async def rewrite(self, kong):
        try:
            await kong.response.exit(403)
        finally:
            ENDED.append("unwound")

    async def response(self, kong):
        await kong.response.set_header("x-results", str(ENDED))

    async def certificate(self, kong):
        raise SystemExit("not the server's end")

    async def log(self, kong):
        self.task = asyncio.create_task(self._late(kong))

    async def _late(self, kong):
        raise SystemExit("nor is this")

    def preread(self, kong):
        asyncio.run(asyncio.sleep(0))  # as a plugin without async phases may do


ENDED = []
