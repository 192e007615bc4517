"""The comparison tables of the founding study, measured: one command, anyone's machine."""
