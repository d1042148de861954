"""Where catalogues of race tracks come from: one module for each source, behind one protocol."""
