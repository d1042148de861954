"""GPS points in, road-matched tracks out."""

__version__ = "0.4.0"
