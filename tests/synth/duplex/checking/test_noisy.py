"""Speech is timed in noise."""

import numpy as np

from tests.synth.test_energy import burst
from turnmill.synth.duplex.checking.noisy import bounds_in_noise


def test_bounds_are_found_in_white_noise_15_db_below() -> None:
    clean = burst(4800, 12_000, 4800)
    noise = 0.5 / np.sqrt(2) * 10 ** (-15 / 20) * np.random.default_rng(0).standard_normal(len(clean))
    found = bounds_in_noise((clean + noise).astype(np.float32), float(np.square(noise).mean()))
    assert found is not None
    assert abs(found[0] - 4800) <= 240
    assert abs(found[1] - 16_800) <= 240
    assert bounds_in_noise(noise[:4800].astype(np.float32), float(np.square(noise).mean())) is None
