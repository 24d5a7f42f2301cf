"""Why is it grey, noisy, black, slow? What the studio can tell of its own state, each with a remedy."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import Tensor
from torch.nn import functional

from stylekit.errors import PictureError
from stylekit.pictures import size_of
from stylekit.pyramid import scaled
from stylekit.recipe import Recipe
from stylekit.resize import fit
from stylekit.studio import hosting
from stylekit.studio.limits import Limits
from stylekit.studio.run import NEARLY, UNUSUAL, Order, opened, saturated
from stylekit.studio.session import Session

SIZE = 256
"""Longest side in pixels at which a painting is looked at."""

MUCH = 0.2
"""Share of the total loss from which smoothing is felt as blur."""

ONE_SIDED = 8
"""How many times one of photo and style outweighs the other before it is all that one sees."""

SHARE_OF_SIZE = 0.6
"""Of a painting's longest side: an artwork with fewer pixels has no strokes as fine as the painting could show."""

FEW_PLACES = 10
"""Places of the deepest layer on a painting's longest side, below which it can say little."""

FEW_STEPS, FEW_FROM_NOISE = 80, 150
"""Steps below which a painting is seldom finished; from noise it takes more."""

GRAINY = 1.6
"""How many times the artwork's own finest grain is noise."""

PATIENCE = 60
"""Seconds that one likes to wait for a picture."""


class Advice(NamedTuple):
    """One thing that may be the cause."""

    key: str
    """of the sentence"""
    values: Mapping[str, Any]
    """that the sentence names"""
    remedy: Mapping[str, Any]
    """settings that help, by name; parts of one as `layer_weights.relu1_1`"""


@dataclass(frozen=True)
class Facts:
    """What there is to judge by."""

    recipe: Recipe
    """as the page has it now"""
    limits: Limits = field(default_factory=Limits)
    painting: Tensor | None = None
    """(1, 3, H, W), as it is now, small"""
    pictures: tuple[Tensor, ...] = ()
    """the photo and the artworks, small"""
    artwork: int = 0
    """pixels of the smallest artwork's longest side; 0 = unknown"""
    losses: Mapping[str, float] = field(default_factory=dict)
    """the last ones, unweighted"""
    seconds: float = 0.0
    """that a whole run takes at the present speed; 0 = unknown"""
    has_gpu: bool = False


def facts_of(limits: Limits, session: Session, order: Order) -> Facts:
    """The facts of a visitor's run that goes on, or of what is on the easel."""
    painting, shown = None, session.kept()
    if session.watched is not None:
        painting = session.watched.painting.detach().cpu()
    elif shown is not None:
        painting = opened(str(shown.path), SIZE).image
    paths = [path for path in (order.content, *order.styles) if path]
    rows = session.table.rows
    try:
        pictures = tuple(opened(path, SIZE).image for path in paths)
        artwork = min((max(size_of(path)) for path in order.styles), default=0)
    except PictureError:
        pictures, artwork = (), 0
    small = None if painting is None else _small(painting)
    losses = rows[-1][1] if rows else {}
    return Facts(order.recipe, limits, small, pictures, artwork, losses, session.seconds, hosting.has_gpu())


def advice(facts: Facts) -> list[Advice]:
    """All that may be the cause, the surest first; empty where nothing is known to be wrong."""
    return [said for rule in RULES for said in rule(facts)]


def _saturated(facts: Facts) -> Iterator[Advice]:
    if facts.painting is None:
        return
    usual = max((saturated(picture, NEARLY) for picture in facts.pictures), default=0.0)
    if saturated(facts.painting) > usual + UNUSUAL:
        yield Advice("advice.saturated", {}, {"style_weight": _round(facts.recipe.style_weight / 4)})


def _nothing_of_style(facts: Facts) -> Iterator[Advice]:
    recipe = facts.recipe
    if not recipe.style_weight:
        yield Advice("advice.no_style", {}, {"style_weight": Recipe().style_weight})
    elif not any(recipe.layer_weights.values()):
        usual = {f"layer_weights.{layer}": weight for layer, weight in Recipe().layer_weights.items()}
        yield Advice("advice.no_layers", {}, usual)


def _one_sided(facts: Facts) -> Iterator[Advice]:
    recipe, losses = facts.recipe, facts.losses
    content, style = (recipe.content_weight * losses.get("content", 0), recipe.style_weight * losses.get("style", 0))
    if not (content and style):
        return
    if style > ONE_SIDED * content and losses["content"] > 1:
        yield Advice("advice.no_photo", {}, {"style_weight": _round(recipe.style_weight / 4)})
    elif content > ONE_SIDED * style and losses["content"] < 0.2:
        yield Advice("advice.hardly_style", {}, {"style_weight": _round(recipe.style_weight * 4)})


def _blurred(facts: Facts) -> Iterator[Advice]:
    recipe, losses = facts.recipe, facts.losses
    weighted = {
        "tv": recipe.tv_weight * losses.get("tv", 0),
        "content": recipe.content_weight * losses.get("content", 0),
        "style": recipe.style_weight * losses.get("style", 0),
    }
    total = sum(weighted.values())
    if total and weighted["tv"] > MUCH * total:
        share = round(100 * weighted["tv"] / total)
        yield Advice("advice.blurred", {"share": share}, {"tv_weight": _round(recipe.tv_weight / 4)})


def _colors(facts: Facts) -> Iterator[Advice]:
    if facts.recipe.color_strength > 0.5 and facts.recipe.color_method != "artwork":
        yield Advice("advice.colors", {"strength": facts.recipe.color_strength}, {"color_strength": 0.0})


def _grainy(facts: Facts) -> Iterator[Advice]:
    if facts.painting is None or len(facts.pictures) < 2:
        return
    ours = grain(facts.painting)
    theirs = max(grain(picture) for picture in facts.pictures[1:])
    if ours > GRAINY * theirs and facts.recipe.tv_weight < 0.2:
        times = ours / max(theirs, 1e-6)
        yield Advice("advice.grainy", {"times": times}, {"tv_weight": _round(max(0.05, 2 * facts.recipe.tv_weight))})


def _small_artwork(facts: Facts) -> Iterator[Advice]:
    scale = min((*facts.recipe.style_scales, 1.0))
    if 0 < facts.artwork < SHARE_OF_SIZE * facts.recipe.size * scale:
        size = max(128, facts.artwork // 32 * 32)
        if size < facts.recipe.size:
            yield Advice("advice.small_artwork", {"pixels": facts.artwork, "size": size}, {"size": size})


def _small_painting(facts: Facts) -> Iterator[Advice]:
    places, larger = facts.recipe.size // 16, min(320, facts.limits.max_size)
    if places < FEW_PLACES and larger > facts.recipe.size:
        yield Advice("advice.small", {"places": places, "size": larger}, {"size": larger})


def _few_steps(facts: Facts) -> Iterator[Advice]:
    recipe, more = facts.recipe, min(200, facts.limits.max_steps)
    if recipe.steps < (FEW_FROM_NOISE if recipe.init == "noise" else FEW_STEPS) and more > recipe.steps:
        yield Advice("advice.few_steps", {"steps": recipe.steps, "more": more}, {"steps": more})


def _slow(facts: Facts) -> Iterator[Advice]:
    recipe = facts.recipe
    if facts.seconds <= PATIENCE:
        return
    values = {"seconds": round(facts.seconds)}
    if recipe.encoder == "vgg19" and not facts.has_gpu:
        yield Advice("advice.slow_network", values, {"encoder": "compact"})
    elif recipe.size > SIZE:
        size = max(SIZE, recipe.size * 2 // 3 // 32 * 32)
        yield Advice("advice.slow", values | {"size": size}, {"size": size})


RULES: tuple[Callable[[Facts], Iterator[Advice]], ...] = (
    _saturated,
    _nothing_of_style,
    _blurred,
    _one_sided,
    _colors,
    _grainy,
    _small_artwork,
    _small_painting,
    _few_steps,
    _slow,
)
"""The surest first."""


def grain(image: Tensor) -> float:
    """Root mean square of what a 3x3 average takes from an image (1, 3, H, W): its finest grain."""
    smooth = functional.avg_pool2d(functional.pad(image, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    return float((image - smooth).square().mean().sqrt())


def _small(image: Tensor) -> Tensor:
    height, width = image.shape[2:]
    return fit(image, scaled((height, width), min(SIZE, max(height, width))))


def _round(value: float) -> float:
    """To two digits, as one would say it."""
    return float(f"{value:.2g}")
