"""Shipped datasets and tables, each with a card saying what it is, its source and licence."""
