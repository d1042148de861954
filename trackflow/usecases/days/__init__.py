"""Days of devices: claimed, segmented, joined to tracks, rebuilt, checked, explained."""
