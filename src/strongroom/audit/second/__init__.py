"""The policy decided once more, written from docs/protocols/policy.md and from nothing else."""
