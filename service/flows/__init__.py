"""The stories: each gathers facts, asks the domain, and writes; none commits."""
