"""`python -m services.stage` serves the stage; `python -m services.stage migrate` brings its database up to date."""

from chassis.service import main
from chassis.settings import load
from services.stage.app import definition
from services.stage.settings import StageSettings

if __name__ == "__main__":
    main(definition(load("stage", StageSettings)), StageSettings)
