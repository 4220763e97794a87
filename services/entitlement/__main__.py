"""`python -m services.entitlement` serves; `python -m services.entitlement migrate` brings its database up to date."""

from chassis.service import main
from chassis.settings import ChassisSettings
from services.entitlement.app import DEFINITION

if __name__ == "__main__":
    main(DEFINITION, ChassisSettings)
