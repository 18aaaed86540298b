"""Training: the Lightning module and data module, a run's folder, its report, sweeps."""
