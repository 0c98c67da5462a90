"""A plugin written for kong-pdk's default style."""

lua_style = True


class Plugin:
    def __init__(self, config):
        self.config = config

    def access(self, kong):
        answer = kong.request.get_header("x")
        kong.log.notice("seen ", answer[0])
        kong.response.set_header("x-results", repr(answer))
        kong.response.exit(204)
