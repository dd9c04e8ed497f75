"""What is asked of a scan or of a finished run: reconstruction, trust, coverage, speed."""
