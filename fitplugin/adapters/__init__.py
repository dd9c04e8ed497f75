"""The joint likelihood inside other hosts, one line each; results in other tools' containers."""
