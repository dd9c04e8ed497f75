"""What a run of mock counts recovers of its benchmark."""
