"""A plugin that forgets to cancel what it started."""

import gevent


class Plugin:
    def __init__(self, config):
        self.config = config

    def access(self, kong):
        left = gevent.getcurrent()
        if self.config["leaves"] == "a timeout":
            gevent.Timeout(0.02).start()
        else:
            self.timer = gevent.get_hub().loop.timer(0.02)
            self.timer.start(left.switch, "not an answer of Kong's")
