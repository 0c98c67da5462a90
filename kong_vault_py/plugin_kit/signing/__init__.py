"""Signatures over a request on its way upstream. Pure: what to sign comes in, the headers to set come out."""
