"""Workers that map a function over items: one process or many."""
