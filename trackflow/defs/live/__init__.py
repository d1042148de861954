"""The live worker as a run that stays while points come in, and the sensor that starts it."""
