"""The judge: retrieval and agreement with people, measured on runs and qrels."""
