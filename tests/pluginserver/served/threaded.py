"""A plugin whose phases run in real threads."""

import threading

import gevent.monkey

threads = 2


class Plugin:
    def __init__(self, config):
        self.config = config

    def access(self, kong):
        answer = kong.request.get_header("x")
        if self.config.get("block"):
            gevent.monkey.get_original("time", "sleep")(self.config["block"])
        if self.config.get("raise"):
            raise SystemExit(f"after {answer}")
        kong.response.set_header(
            "x-results", f"{answer} {gevent.monkey.get_original('threading', 'get_ident')() == MAIN}"
        )

    def rewrite(self, kong):
        try:
            kong.request.get_header(object())
        except TypeError as error:
            kong.log.notice(type(error).__name__)
        try:
            kong.response.exit(403)
        finally:
            ENDED.append("unwound")

    def response(self, kong):
        kong.response.set_header("x-results", str(ENDED))

    def log(self, kong):
        found = []

        def elsewhere():
            try:
                kong.log.err("from elsewhere")
            except RuntimeError:
                found.append("refused")

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        kong.log.notice(*found)


MAIN = gevent.monkey.get_original("threading", "get_ident")()
ENDED = []
