"""What the studio says of why a picture looks as it does: the true cause, and a remedy that takes it away."""

import pytest
import torch
from test_run import ARTWORK, PHOTO
from toy import picture

from stylekit import Recipe, open_picture
from stylekit.recipe import STYLE_LAYERS
from stylekit.studio.advice import Advice, Facts, advice, facts_of, grain
from stylekit.studio.limits import Limits
from stylekit.studio.run import Order, Studio
from stylekit.studio.session import Session
from stylekit.ui.words import Words

LOSSES = {"content": 0.6, "style": 0.1, "tv": 1.5}


def keys(facts):
    return [said.key for said in advice(facts)]


def test_of_the_usual_settings_there_is_nothing_to_say():
    assert keys(Facts(Recipe(), losses=LOSSES, painting=picture(1), pictures=(picture(2), picture(1)), artwork=800)) == []


@pytest.mark.parametrize(
    ("settings", "losses", "key", "remedy"),
    [
        ({"style_weight": 0}, {}, "advice.no_style", {"style_weight": Recipe().style_weight}),
        ({"layer_weights": {"relu1_1": 0}}, {}, "advice.no_layers", {f"layer_weights.{name}": 1.0 for name in STYLE_LAYERS}),
        ({"tv_weight": 1}, {"content": 1, "style": 0.2, "tv": 0.8}, "advice.blurred", {"tv_weight": 0.25}),
        ({"style_weight": 40}, {"content": 1.5, "style": 0.9}, "advice.no_photo", {"style_weight": 10}),
        ({"style_weight": 0.1}, {"content": 0.1, "style": 0.1}, "advice.hardly_style", {"style_weight": 0.4}),
        ({"color_strength": 1}, {}, "advice.colors", {"color_strength": 0}),
        ({"size": 96}, {}, "advice.small", {"size": 320}),
        ({"steps": 20}, {}, "advice.few_steps", {"steps": 200}),
        ({"steps": 100, "init": "noise"}, {}, "advice.few_steps", {"steps": 200}),
    ],
)
def test_settings_that_are_the_cause_are_named_with_a_remedy_that_ends_it(settings, losses, key, remedy):
    facts = Facts(Recipe(**settings), losses=losses)
    assert [(said.key, dict(said.remedy)) for said in advice(facts)] == [(key, remedy)]


def test_no_remedy_goes_beyond_what_the_studio_gives():
    assert keys(Facts(Recipe(size=96, steps=20), Limits(max_size=96, max_steps=20))) == []


def test_what_is_black_or_grainy_is_seen_in_the_painting():
    usual = (picture(1, 64, 64), picture(2, 64, 64))
    black = (torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)) > 0.5).float()
    assert "advice.saturated" in keys(Facts(Recipe(), painting=black, pictures=usual))
    noisy = (usual[0] + 0.2 * torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(2))).clamp(0.01, 0.99)
    (said,) = advice(Facts(Recipe(), painting=noisy, pictures=usual))
    assert said.key == "advice.grainy" and float(said.values["times"]) == pytest.approx(grain(noisy) / grain(usual[1]), abs=0.06)


def test_an_artwork_of_few_pixels_and_a_slow_machine_are_told_with_a_size_that_fits():
    small = Advice("advice.small_artwork", {"pixels": 200, "size": 192}, {"size": 192})
    assert advice(Facts(Recipe(size=512), artwork=200)) == [small]
    slow = Advice("advice.slow", {"seconds": 90, "size": 320}, {"size": 320})
    assert advice(Facts(Recipe(size=512), seconds=90)) == [slow]
    network = Facts(Recipe(encoder="vgg19"), seconds=90)
    assert [dict(said.remedy) for said in advice(network)] == [{"encoder": "compact"}]


def test_facts_are_of_the_visitors_own_run():
    studio, session = Studio(Limits(max_size=256), Words()), Session()
    order = Order(PHOTO, (ARTWORK,), Recipe(size=64, steps=8))
    before = facts_of(studio.limits, session, order)
    assert before.painting is None and before.artwork == max(open_picture(ARTWORK).image.shape[2:])
    list(studio.paint(session, order))
    after = facts_of(studio.limits, session, order)
    assert after.painting is not None and after.losses.keys() >= {"content", "style"}
