"""The rules of the logbook: trips, odometers, rates, chains of hashes. Values in, values out."""
