from tests.integration.chassis.conftest import toy_urls

__all__ = ["toy_urls"]
