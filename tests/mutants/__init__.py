"""Each check of the fold and of the signer, taken out one at a time: the test that guards it must then fail."""
