"""The store on this machine, in Qdrant Edge: the only user of qdrant_edge."""
