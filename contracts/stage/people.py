"""Facts about the people whose words this service seals."""

from contracts.forgetting import Forgotten as _Forgotten


class SubjectForgotten(_Forgotten, frozen=True, kw_only=True, tag="stage.subject_forgotten.v1"):
    """The text of an overlay, or a flagged message with its author, was forgotten: the key of the subject was destroyed."""
