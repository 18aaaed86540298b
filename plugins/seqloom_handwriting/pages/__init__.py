"""Pages with ALTO or PAGE XML: cutting them into lines, and filling in what was read."""
