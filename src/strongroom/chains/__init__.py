"""What each chain's payloads say: build, explain, digest, assemble; pure, without network or clock."""
