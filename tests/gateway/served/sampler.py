"""A plugin of the gateway's own tests; works in our server and in the stock one."""

Schema = ({"greeting": {"type": "string", "default": "hello"}}, {"secret": {"type": "string", "referenceable": True}})
version = "1.0.0"
priority = 50


def data(result):
    """Unwrap the stock server's (data, error) pairs."""
    return result[0] if isinstance(result, tuple) else result


class Plugin:
    def __init__(self, config):
        if config["greeting"] == "raise":
            raise ValueError("no such greeting")
        self.config = config

    def rewrite(self, kong):
        kong.service.request.set_header("x-rewritten", "1")

    def access(self, kong):
        if data(kong.request.get_header("x-deny")):
            kong.response.exit(403, {"message": "denied"}, {"x-denied": "1"})
        query = data(kong.request.get_query())
        kong.service.request.set_headers({"x-greeting": self.config["greeting"], "x-query": str(sorted(query))})
        kong.response.set_header("x-secret-length", str(len(self.config.get("secret", ""))))

    def response(self, kong):
        body = data(kong.service.response.get_raw_body())
        kong.response.set_header("x-body-length", str(len(body)))

    def log(self, kong):
        kong.log.notice("done: ", data(kong.log.serialize())[:1])
