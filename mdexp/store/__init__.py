"""The store: what stages wrote, under keys, so that nothing is computed twice."""
