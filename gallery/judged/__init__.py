"""Captions, judgements, splits and frozen vectors, for the baseline and the judge only."""
