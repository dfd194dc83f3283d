"""Documents: canonical encoding, names, amounts, credentials, envelopes and statements."""
