"""The tagger of ``training.py`` in Flair: ``flair_tagger.py FILE``, a peer (see ``_peers.py``)."""

from __future__ import annotations

import logging
import random
import sys
import time
from pathlib import Path

import flair
import torch
from flair.data import Dictionary, Sentence
from flair.embeddings import OneHotEmbeddings
from flair.models import SequenceTagger

BATCH, CLIP, RATE = 32, 5.0, 0.1

torch.set_num_threads(1)
torch.manual_seed(0)
random.seed(0)
logging.getLogger("flair").setLevel(logging.WARNING)  # it would print its vocabulary
flair.device = torch.device("cpu")


def read(path: Path) -> list[Sentence]:
    """Return the sentences of a CoNLL file with their entities, each of one token."""
    found = []
    for part in path.read_text("utf-8").strip().split("\n\n"):
        pairs = [line.split() for line in part.splitlines()]
        sentence = Sentence([word for word, _ in pairs], use_tokenizer=False)
        for place, (_, tag) in enumerate(pairs):
            if tag != "O":
                sentence[place : place + 1].add_label("ner", tag.partition("-")[2])
        found.append(sentence)
    return found


def main() -> None:
    """Train on a batch for each line of the standard input."""
    sentences = read(Path(sys.argv[1]))
    words = Dictionary()
    tags = Dictionary(add_unk=False)
    tags.span_labels = True
    for sentence in sentences:
        for token in sentence:
            words.add_item(token.text)
        for label in sentence.get_labels("ner"):
            tags.add_item(label.value)
    tagger = SequenceTagger(
        embeddings=OneHotEmbeddings(words, embedding_length=100),
        tag_dictionary=tags,
        tag_type="ner",
        tag_format="BIO",
        hidden_size=256,
        rnn_layers=1,
        use_crf=True,
        reproject_embeddings=False,
        dropout=0.5,
        word_dropout=0.0,
        locked_dropout=0.0,
    )
    optimizer = torch.optim.SGD(tagger.parameters(), RATE, momentum=0.9, fused=True)
    tagger.train()
    print("ready", flush=True)
    for _ in sys.stdin:
        batch = random.sample(sentences, BATCH)
        started = time.process_time()
        optimizer.zero_grad()
        loss, count = tagger.forward_loss(batch)
        (loss / count).backward()
        torch.nn.utils.clip_grad_norm_(tagger.parameters(), CLIP)
        optimizer.step()
        seconds = time.process_time() - started
        print(sum(map(len, batch)), seconds, flush=True)


main()
