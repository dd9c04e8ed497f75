"""Coverage: mock experiments of a scan, and whether its intervals are what they say."""
