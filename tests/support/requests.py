"""Headers that tests send along."""

from typing import Final

ANY_VERSION: Final = {"If-Match": "*"}
"""For a dangerous command of a test that is not about versions: whatever the resource has become."""
