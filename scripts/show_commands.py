"""Show three spoken commands with a model's predictions: show_commands.py MODEL."""

import sys

import seqloom
from seqloom_sound.spoken.reader import SpokenReader

pipeline = seqloom.load(sys.argv[1])
for example in list(SpokenReader().examples("test"))[:60:20]:
    read = pipeline(example)
    print(f"prediction {read['text']!r}, truth {example.fields['text']!r}")
    for word in read["words"]:
        print(f"  {word['start']:.2f}-{word['end']:.2f} s {word['text']} {word['confidence']:.3f}")
