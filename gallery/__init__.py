"""How pictures are read, turned into vectors and stored. Shared by all packages."""

__version__ = "1.0.0"
