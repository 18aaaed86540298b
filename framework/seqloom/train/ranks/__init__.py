"""The processes of a run: how they start, meet, and end, whoever started them."""
