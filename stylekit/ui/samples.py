"""The presets as a strip of small samples: radio buttons whose pictures say what each is like before it is chosen.

Gradio's radio buttons hold letters alone, so rules of CSS put the pictures in, with the description as alternative text. The
samples are painted by `assets/make_strip.py`; where they are not installed, the letters stay.
"""

import json
from pathlib import Path
from urllib.parse import quote

from stylekit.presets import PRESETS, Preset
from stylekit.ui.components import ASSETS
from stylekit.ui.words import Words

RULES = Path(__file__).with_name("samples.css")


def looks() -> list[Preset]:
    """The presets of the strip: those that are no known program's."""
    return [preset for preset in PRESETS.values() if not preset.program]


def sample_of(preset: Preset) -> Path:
    """Where a preset's sample is, if it is installed."""
    return ASSETS / "presets" / f"{preset.name}.webp"


def style(words: Words) -> str:
    """The strip's rules as an element of the page's head; nothing where samples are missing."""
    if not all(sample_of(preset).is_file() for preset in looks()):
        return ""
    return f"<style>{RULES.read_text(encoding='utf-8')}{''.join(_rule(preset, words) for preset in looks())}</style>"


def _rule(preset: Preset, words: Words) -> str:
    """The picture of one preset; what stands behind the slash is read aloud."""
    address = json.dumps("gradio_api/file=" + quote(sample_of(preset).as_posix()))
    said = json.dumps(words(f"presets.{preset.name}.about"), ensure_ascii=False)
    here = f'#presets#presets label:has(> input[value="{preset.name}"])::after'
    return f'{here} {{ background-image: url({address}); content: "" / {said}; }}\n'
