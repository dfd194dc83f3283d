"""What travels between roles: frames, the handshake of enrolled nodes, and the sealed channel between signers."""
