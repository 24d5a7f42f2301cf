"""The card: what it says is what was painted, and its command line paints it again."""

import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import segno
from PIL import Image

from stylekit import PRESETS, Recipe, RecipeError, card
from stylekit.cli import main, parser, recipe_of
from stylekit.recipe import CONTENT_LAYERS, MOST_STYLES
from stylekit.studio.limits import Limits
from stylekit.studio.run import Order, Studio
from stylekit.studio.session import Session
from stylekit.ui.card import files_of
from stylekit.ui.words import Words

ASSETS = Path(__file__).parents[1] / "assets"
PHOTO, ARTWORK, PALETTE = (
    ASSETS / name for name in ("photos/cat.jpg", "artworks/harbour-night.jpg", "artworks/ink-mountains.jpg")
)
FILES = card.Files("a photo.jpg", ["-b.jpg", "c'est.png"])
STEERED = Recipe(
    steps=100, keyframes=[{"at": 0.25, "style_weight": 20, "layer_weights": {**Recipe().layer_weights, "relu5_1": 0.3}}]
)


def words_of(command):
    return shlex.split(command)[3:]  # without python -m stylekit


@pytest.mark.parametrize(
    "recipe",
    [
        *(preset.recipe() for preset in PRESETS.values() if set(Recipe().layer_weights) <= set(preset.recipe().layer_weights)),
        Recipe(
            style_shares=(0.1, 1 / 3),
            tiling=True,
            averaging=0.99,
            repeats=2,
            until=0.3,
            seed=7,
            more_content_layers={"relu1_1": 0.1},
        ),
    ],
)
def test_the_options_of_the_command_line_are_the_recipe(recipe):
    args = parser().parse_args(words_of(card.command(recipe, FILES, "again.png", "x.png")))
    assert recipe_of(args).to_json() == recipe.to_json()
    assert (args.content, args.styles, args.out, args.recipe) == ("a photo.jpg", ["./-b.jpg", "c'est.png"], "again.png", None)


@pytest.mark.parametrize("recipe", [STEERED, PRESETS["pytorch"].recipe()])
def test_what_options_cannot_say_is_read_from_the_picture(recipe):
    args = parser().parse_args(words_of(card.command(recipe, FILES, "again.png", "a painting.png", on_page=True)))
    assert args.recipe == "a painting.png" and args.as_on_page and args.style_weight is None


def test_a_start_that_is_not_there_is_no_command():
    recipe = Recipe(init="image")
    with pytest.raises(RecipeError, match="not kept"):
        card.command(recipe, FILES, "again.png", "x.png")
    args = parser().parse_args(words_of(card.command(recipe, replace(FILES, start="s.png"), "again.png", "x.png")))
    assert recipe_of(args) == recipe and args.start == "s.png"


@pytest.mark.parametrize("steered", [False, True])
def test_the_command_line_repeats_a_run_of_the_page_bit_for_bit(tmp_path, monkeypatch, steered):
    monkeypatch.chdir(tmp_path)
    for path in (PHOTO, ARTWORK, PALETTE):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    recipe = Recipe(size=48, steps=8, coarsest=32, color_strength=0.5, color_method="linear", style_scales=(0.5,))
    recipe = replace(recipe, style_shares=(1,), more_content_layers=dict.fromkeys(CONTENT_LAYERS, 0))  # as the page has it
    if steered:
        recipe = replace(recipe, keyframes=[{"at": 0.5, "style_scales": [1.5], "content_weight": 0.5}])
    session = Session()
    order = Order(str(PHOTO), (str(ARTWORK),), recipe, palette=str(PALETTE), letters=(0,))
    *_, last = Studio(Limits(), Words()).paint(session, order)
    (tmp_path / "stylekit.png").write_bytes(last.canvas.path.read_bytes())
    command = card.command(last.canvas.recipe, files_of(last.canvas.sources), "again.png", "stylekit.png", on_page=True)
    assert ("--recipe" in command) == steered
    assert main([*words_of(command), "--quiet"]) == 0
    assert np.array_equal(np.asarray(Image.open("again.png")), np.asarray(Image.open("stylekit.png")))
    assert main([*words_of(command.replace(" --as-on-page", "")), "--quiet"]) == 0  # the option is needed
    assert not np.array_equal(np.asarray(Image.open("again.png")), np.asarray(Image.open("stylekit.png")))


def test_the_text_names_what_is_not_usual_and_what_was_turned():
    said = card.text(replace(STEERED, init="noise", until=0.5), FILES)
    assert said.splitlines()[0] == "a photo.jpg in the style of -b.jpg and c'est.png"
    assert "Init: noise" in said and "Stopped at step 50 of 100" in said and "Tiling" not in said
    assert "At step 25: style weight 10 -> 20, relu5_1 1 -> 0.3" in said


def test_a_card_shows_the_painting_and_its_link_and_has_an_end():
    painting, photo = Image.new("RGB", (400, 300), "red"), Image.new("RGBA", (60, 90), (0, 0, 255, 255))
    link = "https://studio.example/?v=1&style_weight=20"
    drawn = card.picture(painting, photo, [photo] * MOST_STYLES, Recipe(), link)
    assert drawn.width == card.WIDTH and drawn.getpixel((card.WIDTH // 2, card.MARGIN + 50)) == (255, 0, 0)
    code = np.asarray(card._code(link).convert("L")) < 128
    times = code.shape[0] // len(list(segno.make_qr(link, error="l").matrix_iter(border=2)))
    assert np.array_equal(code[::times, ::times], np.array(list(segno.make_qr(link, error="l").matrix_iter(border=2)), bool))
    place = np.asarray(drawn.convert("L"))[:, card.WIDTH - card.MARGIN - code.shape[1] : card.WIDTH - card.MARGIN] < 128
    assert any(np.array_equal(place[y : y + code.shape[0]], code) for y in range(drawn.height - code.shape[0]))
    many = [{"at": n / 500, "style_weight": n} for n in range(500)]
    assert card.picture(painting, photo, [photo], Recipe(keyframes=many)).height < 2000


def test_the_command_line_saves_a_card_and_not_over_the_painting(tmp_path, capsys):
    out, made = tmp_path / "out.png", tmp_path / "card.png"
    asked = ["stylize", str(PHOTO), str(ARTWORK), "-o", str(out), "--size", "32", "--steps", "2", "--quiet", "--card"]
    assert main([*asked, str(made)]) == 0
    assert Image.open(made).width == card.WIDTH and out.is_file()
    out.unlink()
    assert main([*asked, str(out)]) == 2 and "different names" in capsys.readouterr().err and not out.exists()
