"""The inbox folder: the job that imports what lies there, and the sensor that starts it."""
