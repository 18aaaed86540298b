"""The page of ``seqloom demo``: one gives a model inputs in the browser and sees its predictions.

The page has a pad, from the plugin that knows the kind of input; see `seqloom.plugins.Pad`.
"""
