"""Connectionist temporal classification: loss, decoding, alignment, confidence."""
