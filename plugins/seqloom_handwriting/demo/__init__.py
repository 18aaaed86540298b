"""A page in the browser for writing, with predictions while you write."""
