"""What a column or a member can be to us."""

from enum import StrEnum


class Role(StrEnum):
    """What a column can be to us."""

    TIME = "time"
    DATE = "date"
    CLOCK = "clock"
    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    HOUR = "hour"
    MINUTE = "minute"
    SECOND = "second"
    MILLISECOND = "millisecond"
    HALF = "half of the day"
    ZONE = "time zone"
    LAT = "latitude"
    LON = "longitude"
    NORTH_SOUTH = "hemisphere of the latitude"
    EAST_WEST = "hemisphere of the longitude"
    POSITION = "position"
    LON_LAT = "position, longitude first"
    VALID = "validity"
    DEVICE = "device"
    ROW_ID = "row id"
    NAME = "name"
    GROUP = "group"  # what a record around several positions is called
    ALTITUDE = "altitude"
    ACCURACY = "accuracy"
    HDOP = "hdop"
    SPEED = "speed"
    COURSE = "course"
    SPEED_UNIT = "unit of the speed"
