"""Every way in which our resolver leaves Kong's behaviour on purpose: a name, and one sentence that says why.

The names are the switches of ``scenario_model.Model``, which knows for each what Kong does and what we do instead,
and the rows of the table in ``docs/kong-compatibility.md``.
"""

from __future__ import annotations

DEVIATIONS = {
    "process-cache": "Each process has one cache of its own; Kong's workers share one and copy from it.",
    "keys-of-one-fetch": "All keys of a resource come from one fetch and change together; Kong's get fetches each.",
    "refresh-at-ttl": "Each resource is refreshed when its ttl ends; Kong looks at its entries at fixed ticks.",
    "exact-resurrect": "An old value is served for resurrect_ttl exactly; Kong's tick interval bends that.",
    "exact-neg-ttl": "A missing secret is asked for again after neg_ttl (10 s); Kong's ticks bend that.",
    "failure-pause": "A vault in trouble is left alone for 1, 2, 4, ... 30 s; Kong asks again at its ticks.",
    "absent-at-once": "What the vault says is gone is gone; Kong serves it on as if the vault were down.",
    "reason-told-again": "A remembered miss raises with its reason; Kong's second answer is nil without one.",
    "update-resolves": "update fetches what is missing and raises if it can't; Kong's leaves an empty string.",
    "try-keeps-value": "A refresh by try that fails keeps the old value; Kong's makes it a miss for other workers.",
    "wrong-option-told": "An option that fails validation is an error; Kong drops it and the configured value.",
    "empty-is-unset": "An empty override means unset; Kong's null breaks its arithmetic.",
    "strategy-bug-contained": "A strategy that raises has failed; Kong's get raises and its rotation stops.",
    "entities-watched": "A changed entity's secrets are replaced when the new ones are here; Kong drops or keeps them.",
    "no-phases": "References are resolved whenever they are asked for; Kong's start-up phases give an empty string.",
    "own-resources": "Each entity and override text has its own resources; Kong's rotation merges equal configs.",
    "single-flight": "Concurrent misses of one resource make one fetch; Kong makes one for each.",
    "flush-forgets": "flush forgets every value; Kong's keeps the shared ones.",
    "nul-is-a-value": "A secret that is one NUL byte is a value; it is Kong's mark for a miss.",
    "kongs-value-kept": "Where only Kong knows the vault, the value it resolved stays; Kong's update empties it.",
    "odd-refs-ignored": "$refs without a field, or that are no references, are ignored; Kong adds, empties or breaks.",
    "mapping-keys-are-names": "A reference as the key of a mapping is a name; Kong's warm-up fetches it.",
}
ALL = frozenset(DEVIATIONS)
