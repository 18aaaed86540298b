"""The same as seqloom does, written by hand as a good engineer would without it."""
