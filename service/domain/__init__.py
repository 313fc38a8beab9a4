"""The law and the plan: facts and `now` go in, a decision with its reason comes out. No I/O."""
