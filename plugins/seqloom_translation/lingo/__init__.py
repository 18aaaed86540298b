"""The data set ``lingo``: English sentences and their translations into an invented language."""
