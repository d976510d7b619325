"""The store on a Qdrant server: the only user of qdrant_client."""
