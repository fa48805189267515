"""How laws are tried, and values that several of them are about."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from feeders.integrity import LARGEST_NUMBER
from torchlight.names import unsafe

SAFE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]  # files are written anew for each example
texts = st.text(st.characters(exclude_categories=['Cs'], exclude_characters='\0'), max_size=12)
names = texts.filter(lambda text: not unsafe([text]))
positions = st.floats(-LARGEST_NUMBER, LARGEST_NUMBER, width=32)


def tried(examples):
    """Try a law with as many examples, always the same ones."""
    return settings(max_examples=examples, derandomize=True, deadline=None, database=None, suppress_health_check=SAFE)
