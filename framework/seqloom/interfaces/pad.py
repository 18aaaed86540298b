"""The interface of pads: what the page of ``seqloom demo`` sends, as inputs of a pipeline."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from seqloom.interfaces.codec import Arrays, FrontendCodec
from seqloom.interfaces.example import Prediction


class PadInput(ABC):
    """Reads the requests of a pad. It is built without arguments and has no state.

    Attributes:
        rendered: Whether the page shows the prediction as the head renders it for reports too,
            under the view that ``show`` of the frontend's codec returns.
        shows_input: Whether that view is left out of it, as the pad shows the input already.
    """

    rendered: bool = True
    shows_input: bool = False

    @abstractmethod
    def value(self, body: bytes) -> Any:
        """Return what a request holds, as ``pipeline(value)`` takes it.

        Requests can come from anywhere, so check all that is read: at most 16 MiB arrive.

        Raises:
            TooLargeError: There is too much of it.
            DataError: It is not what the pad's page sends.
        """

    def about(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the pad's page must know of a frontend, by its parameters: plain types."""
        return {}

    def place(
        self, prediction: Prediction, codec: FrontendCodec, value: Any, arrays: Arrays
    ) -> Prediction:
        """Return the prediction with what the pad's page shows in places of the input.

        Args:
            prediction: Prediction for the value.
            codec: Codec of the frontend.
            value: Input, as ``value`` returned it.
            arrays: Arrays that the codec made of it.
        """
        return prediction
