"""The ways to sign; `threshold` is the Rust core's."""
