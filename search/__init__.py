"""The service: a query's text becomes a list of hits."""
