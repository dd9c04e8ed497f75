"""The built-in simulator, stage by stage: generator, truth, detector, regions."""
