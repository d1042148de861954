"""Files, folders and archives, packed or not, with an end to what they unpack to."""
