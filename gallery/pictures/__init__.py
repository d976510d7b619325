"""A file becomes an upright sRGB picture, its facts, and its thumbnail."""
