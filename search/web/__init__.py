"""The API and the page: all of HTTP."""
