"""Files with their references replaced: every other byte stays, and what is written reads back as the secret.

``references`` finds and fetches, one module per format knows where strings stand in it and how a value is written
there, ``document`` puts the two together, ``output`` puts the result on disk.
"""

from __future__ import annotations
