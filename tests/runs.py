"""Short runs of small pictures on a tiny encoder, and what is held against their frames."""

import math
from dataclasses import replace

import numpy as np
import torch
import toy
from oracle import distance, edges, mixed, remembered, squares
from toy import Toy

from stylekit import Dials, Recipe, stylize
from stylekit.objective import Objective
from stylekit.recipe import STYLE_LAYERS

OPTIMIZERS = ("lbfgs", "adam")
INITS = ("content", "noise", "style", "image")
STATISTICS = ("bures", "mean_covariance", "gram", "covariance", "mean_variance", "wasserstein", "sliced", "nearest")
UNITS = [("bures", "relative"), ("gram", "relative"), ("gram", "gatys")]
"""(statistic, formulation)"""


LAYERS = dict(zip(STYLE_LAYERS, (1.0, 0.5, 2.0, 1.0, 0.25)))


def picture(seed=0, height=32, width=32):
    return toy.picture(seed, height, width)


def flat(value, height=32, width=32):
    return torch.full((1, 3, height, width), value)


def recipe(**settings):
    """A short recipe of one level, whose frames show the painting as it is."""
    usual = {"encoder": "toy", "size": 32, "steps": 4, "coarsest": 32, "padding": "zeros", "match_color": 0.0, "edge_weight": 0.0}
    return Recipe(**(usual | settings))


def paint(settings=None, *, encoder=None, content=None, styles=None, turns=None, **more):
    """All frames of a run of pictures of 32x32; `turns` are {step: weights from after its frame on}."""
    settings = settings or recipe()
    content = picture(0) if content is None else content
    dials, frames = more.pop("dials", Dials(settings.weights)), []
    if settings.init == "image":
        more.setdefault("start", picture(2))
    for frame in stylize(content, styles or [picture(1)], settings, encoder=encoder or Toy(), dials=dials, **more):
        frames.append(frame)
        if turns and frame.step in turns:
            dials.weights = turns[frame.step]
    return frames


def run(a_recipe=None, *, encoder=None, **more):
    """The same as a generator."""
    return stylize(picture(0), [picture(1)], a_recipe or recipe(), encoder=encoder or Toy(), **more)


def same(frames, others):
    """Whether two runs gave the same, bit for bit."""
    return len(frames) == len(others) and all(
        torch.equal(a.image, b.image) and a.losses == b.losses and a.weights == b.weights for a, b in zip(frames, others)
    )


def finite(frames):
    """Whether each picture and each loss is finite, and each picture within [0, 1]."""
    return all(
        f.image.isfinite().all() and f.image.min() >= 0 and f.image.max() <= 1 and all(map(math.isfinite, f.losses.values()))
        for f in frames
    )


def turned_at(when, settings, turn, encoder=None):
    """Frames of a run whose dials are turned after frame `when`, by `turn(weights) -> weights`."""
    dials, frames = Dials(settings.weights), []
    for frame in run(settings, encoder=encoder or Toy(), dials=dials):
        frames.append(frame)
        if frame.step == when:
            dials.weights = turn(dials.weights)
    return frames


def resized(image, height, width):
    """What "the picture at this size" means: torch's bicubic with antialiasing, within [0, 1]."""
    return torch.nn.functional.interpolate(image, (height, width), mode="bicubic", antialias=True).clamp(0, 1)


def halves(height=32, width=32):
    """1 on the left half."""
    mask = torch.zeros(1, 1, height, width)
    mask[..., : width // 2] = 1
    return mask


def objective(settings, styles, content=None, **more):
    """In float64; the function weights -> {name: loss} of picture 9."""
    content = picture(0).double() if content is None else content
    whole = Objective(content, [s.double() for s in styles], settings, Toy().double(), **more)

    def losses(image=None, **weights):
        image = picture(9, *content.shape[2:]).double() if image is None else image
        total, terms = whole(image, replace(settings.weights, **weights))
        return {"total": float(total)} | {name: float(loss) for name, loss in terms.items()}

    return losses


# ---------------------------------------------------------------------------------------------------- held against them


def array(tensor):
    return tensor.detach().cpu().numpy().astype(np.float64)


def matrices(image, layers=STYLE_LAYERS, encoder=None):
    """{layer: F, C x M}"""
    features = (encoder or Toy()).double()(image.double(), layers)
    return {layer: array(f)[0].reshape(f.shape[1], -1) for layer, f in features.items()}


def style_losses(statistic, styles, shares, image=None):
    """{layer: loss} of the image from styles mixed in `shares`, numbers or {layer: numbers}."""
    seen = [matrices(s) for s in styles]
    losses = {}
    for layer, f in matrices(picture(9) if image is None else image).items():
        mine = shares[layer] if isinstance(shares, dict) else shares
        target = mixed([remembered(statistic, s[layer]) for s in seen], mine)
        losses[layer] = distance(statistic, remembered(statistic, f), target)
    return losses


def layers_of(terms):
    return {layer: terms[layer] for layer in STYLE_LAYERS}


def content_distance(layer, image, content):
    f, p = matrices(image, [layer])[layer], matrices(content, [layer])[layer]
    return squares(f - p) / squares(p - p.mean(1, keepdims=True))


def blocks(mask, height, width):
    """Means of equal blocks."""
    m = array(mask)[0, 0]
    return m.reshape(height, m.shape[0] // height, width, m.shape[1] // width).mean((1, 3))


def matrix(features):
    """C x M in float64."""
    return array(features)[0].reshape(features.shape[1], -1)


def numpy_tv(image):
    x = array(image)
    return ((x[:, :, 1:] - x[:, :, :-1]) ** 2).mean() + ((x[:, :, :, 1:] - x[:, :, :, :-1]) ** 2).mean()


def numpy_moments(features_of_each):
    """Mean and second moment, averaged over pictures."""
    all_f = [matrix(f) for f in features_of_each]
    return np.mean([f.mean(1) for f in all_f], 0), np.mean([f @ f.T / f.shape[1] for f in all_f], 0)


def numpy_losses(image, content, styles, weights, a_recipe, encoder):
    """(total, terms) as the formulas have it, for pictures that have the image's size already."""
    gatys = a_recipe.formulation == "gatys"
    used = [layer for layer, weight in weights.layer_weights.items() if weight] if weights.style_weight else []
    asked, counts = {*used, a_recipe.content_layer}, {**weights.layer_weights, "edges": weights.edge_weight}
    of_image, of_content, of_styles = encoder(image, asked), encoder(content, asked), [encoder(s, asked) for s in styles]
    if weights.edge_weight and weights.style_weight:
        used, layers = [*used, "edges"], len(used)
        for features, seen in zip([of_image, *of_styles], [image, *styles]):
            features["edges"] = torch.from_numpy(edges(array(seen)[0]))[None]
    else:
        layers = len(used)
    terms = {"tv": numpy_tv(image) / (1 if gatys else numpy_tv(content))}
    total = weights.tv_weight * terms["tv"]
    if weights.content_weight:
        f, p = matrix(of_image[a_recipe.content_layer]), matrix(of_content[a_recipe.content_layer])
        apart = ((f - p) ** 2).sum()
        terms["content"] = apart / 2 if gatys else apart / ((p - p.mean(1, keepdims=True)) ** 2).sum()
        total += weights.content_weight * terms["content"]
    if used:
        for layer in used:
            (m, g), (m_s, g_s) = numpy_moments([of_image[layer]]), numpy_moments([s[layer] for s in of_styles])
            if gatys:  # the paper's sums: 1/(4 N^2 M^2) sum (F F^T - S S^T)^2
                n, places = matrix(of_image[layer]).shape
                terms[layer] = ((g * places - g_s * places) ** 2).sum() / (4 * n**2 * places**2)
            else:
                terms[layer] = distance(a_recipe.statistic, (m, g), (m_s, g_s))
        terms["style"] = sum(counts[layer] * terms[layer] for layer in used) / max(1, layers)
        total += weights.style_weight * terms["style"]
    return total, terms
