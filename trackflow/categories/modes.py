"""The travel modes, and the four classes that movement alone can tell apart."""

from enum import StrEnum


class Mode(StrEnum):
    """How a device travelled."""

    STILL = "still"
    WALKING = "walking"
    RUNNING = "running"
    CYCLING = "cycling"
    DRIVING = "driving"
    BUS = "bus"
    TRAM = "tram"
    TRAIN = "train"
    SUBWAY = "subway"
    BOAT = "boat"
    FLYING = "flying"


CLASSES = ("foot", "bicycle", "road", "rail")
"""What the model tells apart; rules and the map tell the modes of a class apart."""

CLASS_OF = {
    Mode.WALKING: "foot",
    Mode.RUNNING: "foot",
    Mode.CYCLING: "bicycle",
    Mode.DRIVING: "road",
    Mode.BUS: "road",
    Mode.TRAM: "rail",
    Mode.TRAIN: "rail",
    Mode.SUBWAY: "rail",
    Mode.FLYING: "rail",
    Mode.BOAT: "rail",
}
"""A flight and a ferry are in the class of trains: all three keep a steady speed and no corners."""
