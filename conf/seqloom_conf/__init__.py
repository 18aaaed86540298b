"""The Hydra configs of seqloom."""
