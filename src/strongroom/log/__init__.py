"""The append-only log: entries, Merkle tree, proofs, checkpoints and cosignatures."""
