"""Role: the signer node, and the guardian, which is a signer without keys."""
