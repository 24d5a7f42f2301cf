"""The benchmark of Fourier coefficients: its variables are what it says, and its plain pixels are the engine's."""

import numpy as np
import pytest
import torch
from toy import Toy, picture

from bench.decorrelated import Spectrum, reached
from stylekit import Recipe
from stylekit.objective import Objective
from stylekit.resize import fit
from stylekit.transfer import stylize


@pytest.mark.parametrize("size", [(12, 18), (13, 17)])
def test_a_spectrum_stands_for_its_image_and_gives_each_frequency_its_share(size):
    image = picture(1, *size)
    spectrum = Spectrum(image, 1.0)
    assert torch.allclose(spectrum.image(), image, atol=1e-5) and spectrum.size == size
    made, z = (np.fft.rfft2(x.detach().numpy()) for x in (spectrum.image(), spectrum.parameters[0]))
    gain = np.abs(made / z)[0, 0]
    up, across = np.fft.fftfreq(size[0])[:, None], np.fft.rfftfreq(size[1])
    frequency = np.maximum(np.hypot(up, across), 1 / max(size))
    np.testing.assert_allclose(gain * frequency, (gain * frequency)[0, 0], rtol=1e-3)


class Compact(Toy):
    name = "compact"  # of the recipes that it is painted with


def test_plain_pixels_end_where_the_engine_does():
    recipe, toy, content, style = Recipe(size=56, steps=6, coarsest=28), Compact(), picture(1), picture(2)
    *_, last = stylize(content, [style], recipe, encoder=toy)
    assert last.levels > 1
    with torch.no_grad():
        total, _ = Objective(fit(content, last.painting.shape[2:]), [style], recipe, toy)(last.painting, recipe.weights)
    assert reached(content, style, recipe, 0.0, toy) == pytest.approx(float(total), rel=1e-6)
