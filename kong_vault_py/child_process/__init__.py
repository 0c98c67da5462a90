"""A command that runs with secrets in its environment: in our place, or as our child when it is watched or masked.

``environment`` says which variables it gets, ``masking`` and ``output`` hide secrets in what it prints, ``supervisor``
passes signals and the exit code on, ``watching`` notices rotated secrets.
"""

from __future__ import annotations
