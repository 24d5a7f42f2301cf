"""Presets: named recipes, as data. Each says only what it changes; size and steps stay the visitor's choice.

Those of `program` have the losses, layers, weights, start and optimiser that a known program has by default, in its own units.
Three of them see pixels of 0 to 255, whose features are larger; here the weights make up for it. What they cannot have: its
encoder's weights (Caffe's VGG-19, where ours is torchvision's), its number of steps, and exact sizes. Sources: the programs'
files, as of 2023, and the two tutorials.
"""

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stylekit.errors import RecipeError
from stylekit.recipe import STYLE_LAYERS, Recipe


@dataclass(frozen=True)
class Preset:
    """A named recipe, by what it changes in the default one."""

    name: str
    """one word, for the command line"""
    title: str
    description: str
    """one sentence: how it looks, what it is for"""
    settings: Mapping[str, Any]
    """fields of Recipe"""
    program: bool = False
    """whether it does as a known program does"""

    def recipe(self, **others: Any) -> Recipe:
        """The recipe, with `others` set as well; those win. Raises RecipeError."""
        return Recipe(**{**self.settings, **others})


def _layers(*weights: float) -> dict[str, float]:
    return dict(zip(STYLE_LAYERS, weights, strict=True))


def _as_in(name: str, title: str, description: str, **settings: Any) -> Preset:
    """A known program's defaults: one size, zero padding, no edges and the colours as painted unless it says otherwise."""
    common = {"encoder": "vgg19", "coarsest": 8192, "padding": "zeros", "match_color": 0.0, "edge_weight": 0.0}
    return Preset(name, title, description, common | settings, program=True)


TUTORIAL_LAYERS = ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1")
"""What PyTorch's tutorial calls conv_1 to conv_5; it takes its losses before the ReLU."""

CAFFE_PIXEL = 255
"""Programs that count pixels from 0 to 255 have a total variation so many times as large."""

CAFFE_FEATURE = CAFFE_PIXEL * (0.229 + 0.224 + 0.225) / 3
"""And features so many times as large, for they do not divide pixels by their standard deviation, which torchvision does.

Convolutions and ReLUs pass a factor on, but for their biases, which hardly count: torchvision's features grow by 57 in shallow
layers and by 53 in deep ones. Content losses have its square and losses of Gram matrices its fourth power: without it, little
but smoothness would be left of those programs.
"""


def _of_caffe(content: float, style: float) -> dict[str, float]:
    """The weights of a program with pixels of 0 to 255, for features as they are here."""
    return {"content_weight": content * CAFFE_FEATURE**2, "style_weight": style * CAFFE_FEATURE**4}


PRESETS = {
    preset.name: preset
    for preset in (
        Preset("balanced", "Balanced", "Photo and style in balance: the place to start.", {}),
        Preset(
            "gentle",
            "Gentle",
            "The photo stays clear, with the style as its colours and brushwork: for portraits.",
            {"style_weight": 4.0, "more_content_layers": {"relu2_1": 0.2}},
        ),
        Preset("bold", "Bold", "The style takes over and the photo becomes a hint.", {"style_weight": 50.0}),
        Preset(
            "broad",
            "Broad brush",
            "Long strokes, three times as large: for big gestures.",
            {"style_scales": (3.0,), "style_weight": 30.0},
        ),
        Preset(
            "fine",
            "Fine grain",
            "Only the grain and the colours of the style, laid over the photo's own shapes.",
            {"layer_weights": _layers(2, 2, 1, 0.2, 0), "style_weight": 12.0},
        ),
        Preset(
            "knife",
            "Palette knife",
            "Flat patches of one colour with sharp edges: no grain.",
            {"tv_kind": "absolute", "tv_weight": 1.5, "style_weight": 15.0},
        ),
        Preset(
            "dream",
            "Dream",
            "The artwork itself, from which the photo rises: its forms stay where they are.",
            {"init": "style", "coarsest": 512, "style_weight": 15.0},
        ),
        Preset(
            "paper",
            "As in the paper",
            "Gram matrices at one size, as Gatys, Ecker and Bethge did it: fine lines close to the photo; slower.",
            {
                "statistic": "gram",
                "coarsest": 512,
                "style_weight": 20.0,
                "pooling": "average",
                "match_color": 0.0,
                "edge_weight": 0.0,
            },
        ),
        Preset(
            "brushwork",
            "Own colours",
            "The brushwork of the artwork in the photo's own colours: for portraits and places one knows.",
            {"color_strength": 1.0, "match_color": 0.0, "style_weight": 15.0},
        ),
        Preset(
            "tile",
            "Wallpaper",
            "A tile whose borders fit to each other, with the photo as a mere hint: for textiles and wallpaper.",
            {"tiling": True, "style_weight": 50.0, "content_weight": 0.3},
        ),
        _as_in(
            "crowsonkb",
            "crowsonkb",
            "As crowsonkb/style-transfer-pytorch: Wasserstein distances, shallow layers first, averaged Adam; wants 3000 steps.",
            formulation="crowsonkb",
            statistic="wasserstein",
            content_weight=0.015,
            style_weight=1.0,
            layer_weights=_layers(*(5 * weight / 341 for weight in (256, 64, 16, 4, 1))),
            tv_weight=2.0,
            optimizer="adam",
            averaging=0.99,
            coarsest=128,
            padding="replicate",
        ),
        _as_in(
            "neural-style-pt",
            "neural-style-pt",
            "As ProGamerGov/neural-style-pt: Gram matrices, from noise; wants 1000 steps.",
            formulation="pytorch",
            statistic="gram",
            **_of_caffe(5.0, 5 * 100.0),
            tv_weight=1e-3 * CAFFE_PIXEL,
            init="noise",
        ),
        _as_in(
            "gordicaleksa",
            "gordicaleksa",
            "As gordicaleksa/pytorch-neural-style-transfer: the content before its ReLU; wants 1000 steps.",
            formulation="gordicaleksa",
            statistic="gram",
            content_layer="conv4_2",
            **_of_caffe(1e5, 3e4),
            tv_weight=1.0 * CAFFE_PIXEL,
        ),
        _as_in(
            "pytorch",
            "PyTorch tutorial",
            "As PyTorch's tutorial, with the layers that it really uses: shallow ones, so fine grain; 300 steps.",
            formulation="pytorch",
            statistic="gram",
            content_layer="conv2_2",
            content_weight=1.0,
            style_weight=5 * 1e6,
            layer_weights=dict.fromkeys(TUTORIAL_LAYERS, 1.0),
        ),
        _as_in(
            "tensorflow",
            "TensorFlow tutorial",
            "As TensorFlow's tutorial: deep content, Adam, and some smoothing; 1000 steps.",
            formulation="tensorflow",
            statistic="gram",
            content_layer="relu5_2",
            **_of_caffe(1e4, 1e-2),
            tv_weight=30.0,
            optimizer="adam",
        ),
    )
}
"""`{name: preset}`, in the order of the page."""

FORMER = {"shapes": "broad", "smooth": "knife", "loose": "fine"}
"""{a preset that there was: the one that has taken its place}"""


def preset_named(name: str) -> Preset:
    """The preset of this name; raises RecipeError with what there is instead."""
    if name in PRESETS:
        return PRESETS[name]
    if name in FORMER:
        now = PRESETS[FORMER[name]]
        raise RecipeError(
            f"The preset {name} is no longer there: choose {now.name} ({now.title}), which has taken its place. Recipes and "
            "pictures that were saved with it paint as they did."
        )
    raise RecipeError(f"There is no preset {reprlib.repr(name)}; choose one of {', '.join(PRESETS)}.")
