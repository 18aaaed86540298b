"""The data set ``spoken``: short commands, spoken by a formant synthesizer."""
