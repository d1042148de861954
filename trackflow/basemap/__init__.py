"""The base map: vector tiles of an OpenStreetMap extract, which need no internet."""
