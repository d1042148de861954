"""GPS points in, road-matched tracks out."""

__version__ = "0.5.0"
