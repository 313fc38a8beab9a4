"""Measurements: each row sets ours beside a peer or a limit, on this machine, in the same run."""
