"""Kong's schema fields, as far as vault options need them: types, validators, and inference from text."""
