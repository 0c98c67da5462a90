"""What our gateway plugins share: caching, transformation, Redis, defaults; on the public API, like any plugin."""
