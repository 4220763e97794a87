"""What the media service says no to, and why; the codes are those of duties.md."""

from typing import Any

from contracts.problems import Refusal, WrongState


class OriginalImmutable(Refusal):
    """What was recorded or delivered is kept as it is; something else needs an id of its own.

    `facts`: `kept`, the checksum of what is there. Source: duties.md D17.
    """

    code, status = "ORIGINAL_IMMUTABLE", 409
    fr = "Ce qui a été enregistré ou livré reste tel quel ; autre chose demande un identifiant à lui."


class AssetMissing(Refusal):
    """The asset's file has not been delivered. Source: duties.md D3."""

    code, status = "ASSET_MISSING", 422
    fr = "Le fichier de cet élément n'a pas été livré."


class AssetNotShared(Refusal):
    """Clips and slides are approved once their presenter has shared them. Source: duties.md D12."""

    code, status = "ASSET_NOT_SHARED", 409
    fr = "Extraits et diapositives s'approuvent une fois partagés par leur intervenant."


class CustomerDuty(Refusal):
    """Only the customer may do this. Source: duties.md K1b."""

    code, status = "CUSTOMER_DUTY", 403
    fr = "Seul le client peut faire cela."


class RecordingNotFinalised(Refusal):
    """The recording is not complete yet: a segment is still recorded or being taken into the store.

    `facts`: `state`. Source: duties.md D18.
    """

    code, status = "RECORDING_NOT_FINALISED", 409
    fr = "L'enregistrement n'est pas complet : un segment est encore en cours ou en cours d'archivage."


class RecordingForbidden(Refusal):
    """The session must not be recorded, or consent was withdrawn. `facts`: `reason`. Source: duties.md Q29."""

    code, status = "RECORDING_FORBIDDEN", 409
    fr = "La session ne doit pas être enregistrée, ou le consentement a été retiré."


class SegmentUnknown(Refusal):
    """The recording has no such segment."""

    code, status = "SEGMENT_UNKNOWN", 422
    fr = "L'enregistrement n'a pas ce segment."


class SegmentNotKept(Refusal):
    """The segment's file is not in the store: it is still being taken in, or it is lost. `facts`: `lost`, the reason."""

    code, status = "SEGMENT_NOT_KEPT", 409
    fr = "Le fichier du segment n'est pas archivé : il est en cours d'archivage, ou perdu."


class EditOutOfRange(Refusal):
    """A stretch of the edit does not lie within what was recorded. `facts`: `segment_id`, `length_ms`."""

    code, status = "EDIT_OUT_OF_RANGE", 422
    fr = "Une partie du montage ne se trouve pas dans ce qui a été enregistré."


class EditNotRendered(Refusal):
    """There is no film of this edit yet, or none could be made. `facts`: `state`, `reason`."""

    code, status = "EDIT_NOT_RENDERED", 409
    fr = "Ce montage n'a pas encore de film, ou aucun n'a pu être fait."


class VodNotEntitled(Refusal):
    """The customer's base package does not bring video on demand. Source: duties.md D18, Q25."""

    code, status = "VOD_NOT_ENTITLED", 409
    fr = "La formule de base du client ne comprend pas la vidéo à la demande."


class VodDeclined(Refusal):
    """The customer does not want this show on demand. `facts`: `reason`. Source: duties.md Q25."""

    code, status = "VOD_DECLINED", 409
    fr = "Le client ne veut pas cet événement à la demande."


class VodNotOnDemand(Refusal):
    """The film is not on demand: it is on its way, could not be uploaded, or was retracted. `facts`: `state`."""

    code, status = "VOD_NOT_ON_DEMAND", 409
    fr = "Le film n'est pas à la demande : il est en route, n'a pu être envoyé, ou a été retiré."


class PartOutOfOrder(Refusal):
    """Parts are told one after the other, each once. `facts`: `expected`, the next number."""

    code, status = "PART_OUT_OF_ORDER", 409
    fr = "Les parties se déclarent l'une après l'autre, chacune une fois."


def wrong(state: Any, *allowed: type[Any]) -> WrongState:
    """The refusal for a command that does not fit the situation."""
    return WrongState(state=type(state).__name__.upper(), allowed=[command.__name__ for command in allowed])
