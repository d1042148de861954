"""Rules of people: conditions on a trip, and what follows from them."""
