"""A page in the browser where one writes and the model reads along."""
