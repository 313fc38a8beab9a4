"""The clockwork: what ticks and delivers, in one process or on many machines."""
