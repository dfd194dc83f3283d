"""Notices: what people and their systems are told of, durably kept until it is delivered; they move nothing."""
