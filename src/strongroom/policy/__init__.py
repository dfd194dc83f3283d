"""The rule vocabulary and its evaluation: closed, typed, total, default deny."""
