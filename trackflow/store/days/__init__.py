"""Days of devices: batches of work, segments, ledgers, tracks."""
