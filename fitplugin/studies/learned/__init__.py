"""What single models have learned: tables for them, tests, searches."""
