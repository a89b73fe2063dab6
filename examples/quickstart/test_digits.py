import pytest
from digits import digits


@pytest.mark.burden(max_mflops=1.2, max_params="25k")
def test_digits(burden):
    burden(digits, "float32[1, 1, 28, 28]")
