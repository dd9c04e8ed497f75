"""Nested samplers behind one interface: callables in, a `Chain` out."""
