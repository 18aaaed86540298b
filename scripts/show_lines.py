"""Show three lines of digits in the terminal, with a model's predictions: show_lines.py MODEL."""

import sys
from itertools import islice

import numpy as np
from PIL import Image

import seqloom
from seqloom_handwriting.readers.digit_lines import DigitLineReader

SHADES = np.array(list(" .:*#"))

pipeline = seqloom.load(sys.argv[1])
for example in islice(DigitLineReader().examples("test"), 3):
    image = Image.fromarray(255 - example.fields["image"])
    # A character in a terminal is twice as high as wide.
    small = np.asarray(image.resize((image.width // 2, image.height // 4)))
    print("\n".join("".join(row) for row in SHADES[small // 52]))
    read = pipeline(example)
    print(f"prediction {read['text']}, truth {example.fields['text']}, {read['confidence']:.3f}\n")
