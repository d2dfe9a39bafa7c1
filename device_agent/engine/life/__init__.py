"""What a living head does beside speaking: it blinks, breathes, sways and nods."""
