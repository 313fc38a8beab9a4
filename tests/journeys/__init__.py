"""The situations that the service must carry, through its public surfaces, in both modes."""
