"""The smallest plugins that work: what `fitplugin new plugin` copies, with their tests."""
