"""Ethereum and its like: EIP-1559 transfers of the native coin and of ERC-20 tokens."""
