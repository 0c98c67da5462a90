"""A plugin that leaves a context variable behind."""

import contextvars

NUMBER = contextvars.ContextVar("NUMBER", default="none")


class Plugin:
    def __init__(self, config):
        pass

    def access(self, kong):
        kong.response.set_header("x-number", NUMBER.get())
        NUMBER.set("left behind")
