"""The lab: a whole installation on one machine, for trying out; nothing in it is of value, and everything says LAB."""
