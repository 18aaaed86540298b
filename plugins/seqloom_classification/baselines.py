"""Simple classifiers, which show what a network adds: the most frequent class, and TF-IDF."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from seqloom.interfaces import Example, Prediction

MAJORITY = "majority class"
TFIDF = "TF-IDF + logistic regression"


def majority(labels: Sequence[Sequence[str]], multi_label: bool) -> Prediction:
    """Return the prediction that is right most often: the most frequent class or set of classes.

    >>> majority([["ham"], ["spam"], ["ham"]], multi_label=False)
    {'label': 'ham'}
    """
    (most, _), *_ = Counter(tuple(sorted(names)) for names in labels).most_common(1)
    return {"labels": list(most)} if multi_label else {"label": most[0]}


def text_of(example: Example) -> str | None:
    """Return an example's text, or its tokens joined by blanks; None if it has neither."""
    text, tokens = example.fields.get("text"), example.fields.get("tokens")
    if isinstance(text, str):
        return text
    if isinstance(tokens, list | tuple) and all(isinstance(one, str) for one in tokens):
        return " ".join(tokens)
    return None


def tf_idf(
    train: Sequence[Example], labels: Sequence[Sequence[str]], examples: Sequence[Example]
) -> list[Prediction] | None:
    """Return the predictions of logistic regression on TF-IDF of words and pairs of words.

    Args:
        train: Training examples.
        labels: Their classes, one each.
        examples: Examples to predict.

    Returns:
        The predictions; None if scikit-learn is not installed or an example has no text.
    """
    seen, asked = [text_of(one) for one in train], [text_of(one) for one in examples]
    if None in seen or None in asked or not find_spec("sklearn"):
        return None
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer: Any = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\S+"
    )
    model: Any = LogisticRegression(C=10.0, max_iter=1000)
    try:
        model.fit(vectorizer.fit_transform(seen), [names[0] for names in labels])
    except ValueError:  # there are no words
        return None
    return [{"label": str(label)} for label in model.predict(vectorizer.transform(asked))]
