"""Where the time of a scan goes, and how it compares."""
