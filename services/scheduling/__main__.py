"""`python -m services.scheduling` serves; `python -m services.scheduling migrate` brings its database up to date."""

from chassis.service import main
from services.scheduling.app import DEFINITION
from services.scheduling.settings import SchedulingSettings

if __name__ == "__main__":
    main(DEFINITION, SchedulingSettings)
