"""The pictures being searched: how they are read, turned into vectors and kept. Shared by all packages."""

__version__ = "1.0.0"
