"""Days of devices: claimed, segmented, merged, rebuilt, verified. Rules belong to `tracks`."""
