"""Points in collections: one contract, and two stores that keep it."""
