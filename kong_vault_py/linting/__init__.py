"""``kong-vault lint``: what is wrong with references and secrets in the files that configure a Kong.

Text in, findings out: ``source`` and ``yaml_tree`` read, ``kong_file`` and ``conf_file`` tell what each value is to
Kong (a ``Value`` in its ``Place``), the ``*_rules`` modules judge it, ``lint`` puts them together, and ``fix`` mends.
Nothing here does I/O, but for the package's own data. No finding ever shows a value.
"""
