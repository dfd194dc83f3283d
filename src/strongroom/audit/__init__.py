"""The auditor's role: replay a whole log offline, from one file, trusting nobody."""
