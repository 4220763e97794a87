"""What `make sbom` writes names everything that is installed."""

import json
import subprocess
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.long
def test_the_bill_of_materials_names_everything_installed():
    subprocess.run(["make", "sbom"], cwd=ROOT, check=True, capture_output=True)
    document = json.loads((ROOT / "build" / "sbom.json").read_text())
    named = {component["name"].lower() for component in document["components"]}
    assert document["bomFormat"] == "CycloneDX"
    assert {package.metadata["Name"].lower() for package in distributions()} <= named
