"""`python -m fitplugin.cli`."""

from fitplugin.cli import main

main()
