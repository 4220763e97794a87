"""Facts about the people whose names this service seals."""

from contracts.forgetting import Forgotten as _Forgotten


class SubjectForgotten(_Forgotten, frozen=True, kw_only=True, tag="scheduling.subject_forgotten.v1"):
    """A speaker, an analyst or a contact was forgotten: the key of the subject was destroyed."""
