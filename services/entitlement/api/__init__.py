"""The routes, by what they are about. Each builds one command, hands it over and answers with the receipt."""

from typing import Final

from litestar.handlers import HTTPRouteHandler

from services.entitlement.api import coverage, customers, entitlements, ledger, terms

HANDLERS: Final[list[HTTPRouteHandler]] = [
    *terms.HANDLERS,
    *customers.HANDLERS,
    *entitlements.HANDLERS,
    *coverage.HANDLERS,
    *ledger.HANDLERS,
]

TAGS: Final = {
    "Coverage": "Whether and how far a show is covered by bought hours, and the reservation of a day.",
    "Customer access": "What is shared with the customer, and who of them may see it.",
    "Entitlements": "The base package, the add-on, and what was bought when.",
    "Ledger": "Hours granted, reserved, consumed and corrected, minute by minute.",
    "Service terms": "The terms everything is measured by, by version.",
}
