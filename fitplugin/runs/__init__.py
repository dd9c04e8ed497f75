"""Scan files and run directories: the only floor that knows YAML."""
