"""What comes in: the points' asset, and the sensor that tells of new ones."""
