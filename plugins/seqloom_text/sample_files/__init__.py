"""Sample files to try seqloom on: ``seqloom example`` writes them."""
