"""The intake of points: their asset, the sensor that reports new ones, the inbox."""
