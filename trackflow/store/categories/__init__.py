"""SQL of travel modes and categories: what was decided, by which rule or by whose hand."""
