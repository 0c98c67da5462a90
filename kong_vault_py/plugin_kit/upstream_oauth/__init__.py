"""Access tokens for upstreams: asked of an identity provider (IdP), kept until shortly before they expire."""
