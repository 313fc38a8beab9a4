"""Push channels. Each folder holds everything of one; none knows another, or the store."""
