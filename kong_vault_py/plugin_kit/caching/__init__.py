"""What a proxy cache is made of, apart from the PDK: keys, policy, entries and where they are stored."""
