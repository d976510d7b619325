"""The job: image files become points of a collection."""
