"""The text frontends: words and characters."""
