"""Points and how they came in: admission, imports, reports, what was refused."""
