"""The rule library: sourced time limits as YAML, and its loader."""
