"""Every "no" of the entitlement service. Source: duties.md A.1, A.2, A2; domain.md section 6."""

from contracts.problems import NotFound, Refusal


class TermsUnknown(Refusal):
    """There is no such version of the service terms. `facts`: `terms_version`."""

    code, status = "TERMS_UNKNOWN", 422
    fr = "Cette version des conditions de service n'existe pas."


class TermsImmutable(Refusal):
    """This version of the terms exists with another content; register a new version instead. `facts`: `sha256`."""

    code, status = "TERMS_IMMUTABLE", 409
    fr = "Cette version des conditions existe avec un autre contenu ; enregistrez une nouvelle version."


class OrderAlreadyRegistered(Refusal):
    """This order is registered with other contents. `facts`: `entitlement_id`."""

    code, status = "ORDER_ALREADY_REGISTERED", 409
    fr = "Cette commande est enregistrée avec un autre contenu."


class BasePackageRequired(Refusal):
    """The customer has no active base production package. `facts`: `base_package_id`."""

    code, status = "BASE_PACKAGE_REQUIRED", 409
    fr = "Le client n'a pas de formule de base active."


class BasePackageUnknown(NotFound):
    """The customer holds no such base production package. `facts`: `package_id`."""

    code, status = "BASE_PACKAGE_UNKNOWN", 404
    fr = "Le client n'a pas cette formule de base."


class PlatformAccessRequired(Refusal):
    """The customer may not use the software at the start of the show."""

    code, status = "PLATFORM_ACCESS_REQUIRED", 403
    fr = "Le client n'a pas accès au logiciel au début de l'événement."


class TermInvalid(Refusal):
    """The end of the term lies before its start."""

    code, status = "TERM_INVALID", 422
    fr = "La fin de la période précède son début."


class TermExpired(Refusal):
    """The service term is over at that time. `facts`: `term_ends_at`."""

    code, status = "TERM_EXPIRED", 409
    fr = "La période de service est terminée à ce moment-là."


class TermNotStarted(Refusal):
    """The service term has not started at that time. `facts`: `term_starts_at`."""

    code, status = "TERM_NOT_STARTED", 409
    fr = "La période de service n'a pas commencé à ce moment-là."


class EntitlementIsSuspended(Refusal):
    """The entitlement is suspended. `facts`: `reason`."""

    code, status = "ENTITLEMENT_SUSPENDED", 409
    fr = "Le droit est suspendu."


class EntitlementIsRevoked(Refusal):
    """The entitlement was revoked."""

    code, status = "ENTITLEMENT_REVOKED", 409
    fr = "Le droit a été révoqué."


class GrantAlreadyBound(Refusal):
    """The hours belong to another show. `facts`: `show_id`."""

    code, status = "GRANT_ALREADY_BOUND", 409
    fr = "Les heures appartiennent à un autre événement."


class OneDayOnly(Refusal):
    """The hours are for one contiguous window on one day; a second window needs a second add-on."""

    code, status = "ONE_DAY_ONLY", 409
    fr = (
        "Les heures valent pour une seule plage continue d'un seul jour ; une seconde plage demande une seconde option."
    )


class HoursExceeded(Refusal):
    """There are fewer hours than this takes. `facts`: `needed_ms`, `available_ms`, and both in minutes."""

    code, status = "HOURS_EXCEEDED", 409
    fr = "Il reste moins d'heures qu'il n'en faut."


class WindowInvalid(Refusal):
    """The times do not make a window: the end must follow the start, and a chosen part must lie within the coverage."""

    code, status = "WINDOW_INVALID", 422
    fr = "Ces heures ne forment pas une plage : la fin doit suivre le début, et une partie choisie doit se trouver dans la couverture."


class WindowPassed(Refusal):
    """The whole window lies in the past. `facts`: `closes_at`."""

    code, status = "WINDOW_PASSED", 409
    fr = "Toute la plage est passée."


class WindowAlreadyOpen(Refusal):
    """The coverage window has opened, or is too near, to be moved. `facts`: `opens_at`."""

    code, status = "WINDOW_ALREADY_OPEN", 409
    fr = "La plage de couverture est ouverte, ou trop proche, pour être déplacée."


class OutsideCoverage(Refusal):
    """There is no coverage at that time. `facts`: `opens_at`, `closes_at` of the window, where there is one."""

    code, status = "OUTSIDE_COVERAGE", 403
    fr = "Il n'y a pas de couverture à ce moment-là."


class NotInScope(Refusal):
    """The service's catalogue does not list this. `facts`: `duty`."""

    code, status = "NOT_IN_SCOPE", 403
    fr = "Le catalogue du service ne le prévoit pas."


class NotMetered(Refusal):
    """This is never drawn from the hours: only work of the seat is. `facts`: `duty`."""

    code, status = "NOT_METERED", 422
    fr = "Cela n'est jamais décompté des heures : seul le travail du poste l'est."


class CustomerDuty(Refusal):
    """Only the customer can do this. `facts`: `role`."""

    code, status = "CUSTOMER_DUTY", 403
    fr = "Seul le client peut faire cela."


class SupervisorOnly(Refusal):
    """Only a supervisor can do this. `facts`: `role`."""

    code, status = "SUPERVISOR_ONLY", 403
    fr = "Seul un superviseur peut faire cela."


class CorrectionInvalid(Refusal):
    """A correction moves a positive amount between two different accounts, and no more than the first holds.

    `facts`: `source_ms`.
    """

    code, status = "CORRECTION_INVALID", 422
    fr = "Une correction déplace un montant positif entre deux comptes différents, sans dépasser le premier."
