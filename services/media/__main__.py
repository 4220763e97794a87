"""`python -m services.media` serves media; `python -m services.media migrate` brings its database up to date."""

from chassis.service import main
from services.media.app import DEFINITION
from services.media.settings import MediaSettings

if __name__ == "__main__":
    main(DEFINITION, MediaSettings)
