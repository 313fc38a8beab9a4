"""Long drills in which everything is killed, cut off and frozen, and the judge that finds what was lost."""
