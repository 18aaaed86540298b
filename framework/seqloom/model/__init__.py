"""Pipelines: what is built from a config, trained, saved, shared and asked for predictions."""
