"""What the page says, in all its languages: the same keys and values everywhere, plurals, numbers, and whose language it is."""

import re
import string
from types import SimpleNamespace

import pytest
from gradio.context import LocalContext

from stylekit import Recipe
from stylekit.errors import StylekitError
from stylekit.presets import PRESETS
from stylekit.studio.limits import Limits
from stylekit.studio.queue import Line
from stylekit.ui import words
from stylekit.ui.words import LANGUAGES, Words, asked_for, sentences, understood

ENGLISH = sentences("en").said
OTHERS = LANGUAGES[1:]
NAMES = ["English", "Español", "Nederlands", "Русский", "Deutsch", "Français"]


def fields(sentence):
    """`(name, what stands behind its colon)` of every value in a sentence."""
    return [(name, spec) for _, name, spec, _ in string.Formatter().parse(sentence) if name is not None]


def form(language, n):
    """Which form a number takes."""
    return sentences(language).format_field(n, "0|1|2")


def test_there_are_six_languages_each_by_its_own_name():
    assert [sentences(name)("language") for name in LANGUAGES] == NAMES
    assert [sentences(name)("code") for name in LANGUAGES] == list(LANGUAGES)


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_the_same_keys_with_the_same_values(language):
    own = sentences(language).own
    assert own.keys() == ENGLISH.keys()
    names = {key: {name for name, _ in fields(said)} for key, said in own.items()}
    assert names == {key: {name for name, _ in fields(said)} for key, said in ENGLISH.items()}


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_says_the_same_numbers(language):
    own = {key: sorted(re.findall(r"\d+", said)) for key, said in sentences(language).own.items() if key != "plural"}
    assert own == {key: sorted(re.findall(r"\d+", ENGLISH[key])) for key in own}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_needs_escaping_or_is_empty(language):
    sayings = {key: said for key, said in sentences(language).said.items() if key != "plural"}
    assert [key for key, said in sayings.items() if set('"<>&\\\n') & set(said) or said != said.strip() or not said] == []


@pytest.mark.parametrize("language", OTHERS)
def test_no_sentence_is_left_in_english(language):
    same = [key for key, said in sentences(language).own.items() if said == ENGLISH[key]]
    assert [key for key in same if len("".join(text for text, *_ in string.Formatter().parse(ENGLISH[key]))) > 20] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_plural_has_as_many_forms_as_its_language(language):
    count = len({form(language, n) for n in range(200)})
    for key, said in sentences(language).said.items():
        for _, spec in fields(said):
            assert "|" not in spec or len(spec.split("|")) == count, key


@pytest.mark.parametrize(
    ("language", "of_1", "of_2", "of_5", "of_21"),
    [
        ("en", "1 picture.", "2 pictures.", "5 pictures.", "21 pictures."),
        ("es", "1 imagen.", "2 imágenes.", "5 imágenes.", "21 imágenes."),
        ("nl", "1 beeld.", "2 beelden.", "5 beelden.", "21 beelden."),
        ("ru", "1 изображение.", "2 изображения.", "5 изображений.", "21 изображение."),
        ("de", "1 Bild.", "2 Bilder.", "5 Bilder.", "21 Bilder."),
        ("fr", "1 image.", "2 images.", "5 images.", "21 images."),
    ],
)
def test_a_word_follows_its_number(language, of_1, of_2, of_5, of_21):
    said = [sentences(language)("sweep.done", count=n) for n in (1, 2, 5, 21)]
    assert all(sentence.startswith(begin) for sentence, begin in zip(said, (of_1, of_2, of_5, of_21)))


def test_russian_has_three_forms_and_eleven_is_no_one_while_french_takes_nought_for_one():
    assert [form("ru", n) for n in (0, 1, 2, 4, 5, 11, 12, 14, 21, 22, 25, 101, 111, 112)] == list("20112222012022")
    assert [form("fr", n) for n in (0, 1, 2)] == list("001") and [form("en", n) for n in (0, 1, 2)] == list("101")


def test_once_is_a_word_where_the_language_has_one():
    said = [sentences("en")("recipe.steered", count=n, button="Paint") for n in (1, 3)]
    assert said == ["It was steered once: Paint plays that again.", "It was steered 3 times: Paint plays that again."]
    assert "ein­mal".replace("\u00ad", "") in sentences("de")("recipe.steered", count=1, button="Malen")
    assert "22 раза" in sentences("ru")("recipe.steered", count=22, button="Рисовать")


def test_numbers_are_written_as_the_language_writes_them():
    seen = {name: sentences(name)("film.done", size=1.256) for name in LANGUAGES}
    assert seen["en"] == "1.26 MB." and seen["fr"] == "1,26 Mo." and seen["ru"] == "1,26 МБ." and seen["de"] == "1,26 MB."


NAMED = {
    "error.start": ["start"],
    "recipe.here": ["recipe"],
    "sweep.taken": ["sweep.large", "paint"],
    "status.ready": ["paint"],
    "inside.pulls.nothing": ["paint"],
    "film.nothing": ["continue", "paint"],
    "wall.pinned": ["wall"],
    "error.drawing": ["masks"],
    "advice.nothing": ["label.relu1_1", "label.relu5_1"],
}
"""Sentences that name what is written elsewhere on the page."""


@pytest.mark.parametrize("language", OTHERS)
def test_what_a_sentence_names_is_called_so_on_the_page(language):
    said = sentences(language).said
    for key, names in NAMED.items():
        for name in names:
            root = re.sub(r"[\s\u00a0]*…", "", said[name])[:6].lower()  # a noun may be declined
            assert root in said[key].lower(), f"{key} does not say {said[name]}"


# ------------------------------------------------------------------------------------------------------------- whose it is


@pytest.mark.parametrize(
    ("headers", "language"),
    [
        ({}, "en"),
        ({"accept-language": "de-CH,de;q=0.9,en;q=0.8"}, "de"),
        ({"accept-language": "en;q=0.3, ru;q=0.9"}, "ru"),
        ({"accept-language": "pt-BR,pt;q=0.9,es;q=0.5"}, "es"),
        ({"accept-language": "ja"}, "en"),
        ({"accept-language": "de;q=high,,;q=,*"}, "de"),
        ({"accept-language": "x" * 100_000}, "en"),
        ({"accept-language": "de", "cookie": "a=b; stylekit-language=fr"}, "fr"),
        ({"accept-language": "de", "cookie": "stylekit-language=../../etc"}, "de"),
    ],
)
def test_the_browser_is_asked_for_its_language(headers, language):
    assert asked_for(headers) == language


@pytest.fixture
def handled():
    """`handled("abc", "de-DE")`: the event of a visitor is handled now."""
    before = LocalContext.request.get(None)

    def by(session, accepts):
        LocalContext.request.set(SimpleNamespace(request=True, session_hash=session, headers={"accept-language": accepts}))

    yield by
    LocalContext.request.set(before)
    words._chosen.clear()


def test_two_visitors_are_spoken_to_in_their_own_languages_and_a_choice_is_ones_own(handled):
    say = Words()
    assert say("paint") == "Paint"
    handled("one", "de-DE")
    assert say("paint") == "Malen"
    handled("other", "nl")
    assert say("paint") == "Schilderen"
    words.choose("ru")
    assert say("paint") == "Рисовать"
    handled("one", "de-DE")
    assert say("paint") == "Malen"


def test_of_many_visitors_the_last_choices_are_known(handled, monkeypatch):
    monkeypatch.setattr(words, "MOST_VISITORS", 2)
    for session in "abc":
        handled(session, "de")
        words.choose("fr")
    assert list(words._chosen) == ["b", "c"]


def test_a_page_is_built_of_marks_that_every_language_fills(handled):
    say = Words()
    with say.marking():
        label = f"<b>{say('masks.artwork', artwork=say('artwork.letter', letter='B'))}</b>"
        with pytest.raises(KeyError):
            say("no.such")
    assert say.filled({"x": [label]}, "en") == {"x": ["<b>On Artwork B</b>"]}
    assert say.filled((label, 3), "de") == ("<b>Auf Kunstwerk B</b>", 3)


# ------------------------------------------------------------------------------------------------------------- the engine


def refusals():
    """What the engine really says."""

    def full():
        line = Line(1, 0)
        with line.ticket(), line.ticket():
            pass

    return {
        "engine.full": full,
        "engine.range": lambda: Recipe(style_scales=(9.0,)),
        "engine.whole": lambda: Recipe(size=100.5),
        "engine.number": lambda: Recipe(tv_weight="much"),
        "engine.size": lambda: Limits(max_size=64).check(Recipe(size=128)),
        "engine.steps": lambda: Limits(max_steps=10).check(Recipe(steps=20)),
        "engine.brush": lambda: Limits().check(Recipe(size=1024, style_scales=(4.0,))),
        "engine.not_json": lambda: Recipe.from_json("no"),
        "engine.unknown": lambda: Recipe.from_json('{"brush": 3}'),
        "engine.formulation": lambda: Recipe(formulation="gatys", statistic="sliced"),
        "engine.no_layer": lambda: Recipe(layer_weights={}),
    }


@pytest.mark.parametrize("key", refusals())
def test_what_the_engine_refuses_is_said_in_the_visitors_language(handled, key):
    with pytest.raises(StylekitError) as refused:
        refusals()[key]()
    english = str(refused.value)
    assert understood(english) == english and words.recognized(english)[0] == key
    handled("one", "de")
    said = understood(english)
    assert said != english and said[:6] == sentences("de").said[key].format_map(words.recognized(english)[1])[:6]


def test_what_is_not_known_stays_english(handled):
    handled("one", "de")
    assert understood("Something else.") == "Something else."


def test_presets_and_settings_speak_english_by_themselves():
    assert ENGLISH["presets.bold.about"] == PRESETS["bold"].description
    assert "presets.bold" not in sentences("en").own and "help.size" not in sentences("en").own
