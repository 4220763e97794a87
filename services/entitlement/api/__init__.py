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
