"""Files that hold heights or pictures, one module per kind, told from their content."""
