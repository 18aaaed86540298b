"""The page of ``seqloom demo``: enter inputs in the browser and see a model's predictions.

The page has a pad, from the plugin that knows the kind of input; see `seqloom.plugins.Pad`.
"""
