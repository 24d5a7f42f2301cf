"""Paint the studio's sample artworks, and cut its sample photographs.

    python assets/make_samples.py                     all artworks, 640 pixels wide or high
    python assets/make_samples.py stained-glass       only this one
    python assets/make_samples.py --size 320 --out x  smaller, to another folder
    python assets/make_samples.py --photos            the photographs too (needs scikit-image)

Every artwork is our own composition. It is painted from random numbers with a fixed seed, so that the same call
gives the same picture. Only numpy and pillow are needed.

How to read this file: first the tools (noise, flow fields, one brush stroke, light on thick paint), then one
function per artwork with what belongs to it beside it, then the photographs, then the list
of all pictures and the command line at the bottom.

Conventions: lengths are fractions of the picture's longest side, so that a painter keeps its composition at any size
(single bristles differ). x grows to the right, y grows downwards. Colours are sRGB in [0, 1]. H and W are the rows and
columns that a painter works on: twice the final ones, so that scaling down smooths all edges.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Array = NDArray[np.floating]
Labels = NDArray[np.int64]
Mask = NDArray[np.bool_]
Rng = np.random.Generator

HERE = Path(__file__).parent
OVERSAMPLING = 2


# Tools: colours and shapes


def colors(words: str) -> Array:
    """Colours (N, 3) from hexadecimal words: colors("0b1d3a f3c25b")."""
    return np.array([[int(word[i : i + 2], 16) / 255 for i in (0, 2, 4)] for word in words.split()], np.float32)


def ramp(t: Array, palette: Array) -> Array:
    """Colours (..., 3) that run through palette (N, 3) evenly as t (...) goes from 0 to 1."""
    at = np.linspace(0, 1, len(palette))
    return np.stack([np.interp(t, at, channel) for channel in palette.T], -1).astype(np.float32)


def fade(x: Array, start: float, stop: float) -> Array:
    """0 before start, 1 after stop, an S-curve between them. start > stop fades the other way."""
    t = np.clip((x - start) / (stop - start), 0, 1)
    return t * t * (3 - 2 * t)


def mix(a: Array, b: Array, t: Array | Mask) -> Array:
    """a where t (H, W) is 0 or False, b where it is 1 or True; a and b are colours (3) or pictures (H, W, 3)."""
    return a + (b - a) * np.asarray(t, np.float32)[..., None]


def plane(size: int, ratio: float) -> tuple[Array, Array]:
    """x and y (H, W) of every pixel of an oversampled picture; ratio is width / height."""
    longest = size * OVERSAMPLING
    width, height = (longest, round(longest / ratio)) if ratio >= 1 else (round(longest * ratio), longest)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return x / longest, y / longest


def margin(x: Array, y: Array) -> Array:
    """Distance (H, W) to the nearest edge of the picture."""
    return np.minimum(np.minimum(x, x.max() - x), np.minimum(y, y.max() - y))


def mirrored(scene: Array, y: Array, level: float) -> Array:
    """scene (H, W, 3) upside down about the height level: what still water shows. y (H, W) may be rippled."""
    rows = np.clip(((2 * level - y) * max(y.shape)).astype(int), 0, y.shape[0] - 1)
    return np.take_along_axis(scene, rows[..., None].repeat(3, -1), 0)


# Tools: noise and fields


def resized(grid: Array, shape: tuple[int, ...]) -> Array:
    """grid (h, w) enlarged smoothly to shape (H, W)."""
    return np.asarray(Image.fromarray(grid).resize((shape[1], shape[0]), Image.Resampling.BICUBIC))


def noise(rng: Rng, shape: tuple[int, ...], cell: float, octaves: int = 4, stretch: float = 1) -> Array:
    """Clouds (H, W) of mean 0 and deviation 1; the largest are cell long (and stretch times as long along x)."""
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        step = cell * max(shape) / 2**octave
        rows, columns = int(shape[0] / step) + 2, int(shape[1] / step / stretch) + 2
        total += resized(rng.standard_normal((rows, columns), np.float32), shape) / 1.8**octave
    return (total - total.mean()) / (total.std() + 1e-6)


def ridge(rng: Rng, x: Array, cell: float, octaves: int = 5) -> Array:
    """A wandering line: one height, of mean 0 and deviation 1, for every column of x (H, W)."""
    return noise(rng, (max(x.shape), x.shape[1]), cell, octaves)[x.shape[0] // 2]


def blur(picture: Array, radius: float) -> Array:
    """picture (H, W) or (H, W, C) under a Gaussian of this radius (a fraction of the longest side)."""
    if picture.ndim == 3:
        return np.stack([blur(channel, radius) for channel in np.moveaxis(picture, -1, 0)], -1)
    sigma = radius * max(picture.shape)
    pad = int(3 * sigma) + 1
    padded = np.pad(picture, pad, mode="symmetric" if pad < min(picture.shape) else "edge")
    fy, fx = np.fft.fftfreq(padded.shape[0])[:, None], np.fft.rfftfreq(padded.shape[1])[None]
    spectrum = np.fft.rfft2(padded) * np.exp(-2 * (np.pi * sigma) ** 2 * (fx**2 + fy**2))
    return np.fft.irfft2(spectrum, padded.shape)[pad:-pad, pad:-pad].astype(np.float32)


def along(potential: Array) -> Array:
    """Flow field: the angle (H, W) that runs along the level lines of potential (H, W)."""
    dy, dx = np.gradient(potential)
    return np.arctan2(dx, -dy)


def curvature(angle: Array) -> Array:
    """How fast angle (H, W) turns when one walks along it, in radians per pixel."""
    sin, cos = np.sin(angle), np.cos(angle)
    (sin_y, sin_x), (cos_y, cos_x) = np.gradient(sin), np.gradient(cos)
    return cos * (cos * sin_x - sin * cos_x) + sin * (cos * sin_y - sin * cos_y)


def edges(labels: Labels) -> Array:
    """1 where a pixel's label differs from its right or lower neighbour's, else 0."""
    line = np.zeros(labels.shape, np.float32)
    line[:, :-1] += labels[:, :-1] != labels[:, 1:]
    line[:-1] += labels[:-1] != labels[1:]
    return np.minimum(line, 1)


def scattered(rng: Rng, count: int) -> Array:
    """count points (count, 2) in [0, 1): as even as a grid but without rows, in random order."""
    # Additive recurrence with the plastic number: M. Roberts, "The unreasonable effectiveness of
    # quasirandom sequences", 2018.
    points = (np.arange(1, count + 1)[:, None] * [0.7548776662, 0.5698402910] + rng.random(2)) % 1
    return rng.permutation(points).astype(np.float32)


# Tools: paint


class Canvas:
    """Wet paint: its colour (H, W, 3) and its thickness (H, W), which later catches the light."""

    def __init__(self, ground: Array) -> None:
        self.color = ground.astype(np.float32).copy()
        self.thick = np.zeros(ground.shape[:2], np.float32)
        self.longest: int = max(self.thick.shape)
        self.regions: Labels | None = None  # labels (H, W): if given, a stroke stays in its centre's region

    def footprint(
        self, x: float, y: float, angle: float, length: float, width: float, turn: float
    ) -> tuple[tuple[slice, slice], Array, Array]:
        """Window around a stroke centred at (x, y), and for its pixels a (along) and b (across) in [-1, 1]."""
        x, y, length, width = (value * self.longest for value in (x, y, length, width))
        reach = (length + width) / 2 + 2
        rows = slice(max(0, int(y - reach)), max(0, int(y + reach) + 1))
        columns = slice(max(0, int(x - reach)), max(0, int(x + reach) + 1))
        height, breadth = self.thick[rows, columns].shape
        dy = np.arange(rows.start, rows.start + height, dtype=np.float32)[:, None] - y
        dx = np.arange(columns.start, columns.start + breadth, dtype=np.float32)[None] - x
        sin, cos = np.float32(np.sin(angle)), np.float32(np.cos(angle))
        u = dx * cos + dy * sin
        v = dy * cos - dx * sin - np.float32(turn / 2) * u * u  # the stroke bends with the flow
        return (rows, columns), u * np.float32(2 / length), v * np.float32(2 / width)

    def stroke(
        self,
        rng: Rng,
        x: float,
        y: float,
        angle: float,
        length: float,
        width: float,
        color: Array,
        *,
        turn: float = 0.0,
        streak: float = 0.06,
        ragged: float = 0.35,
        dry: float = 0.0,
        opacity: float = 1.0,
        load: float = 1.0,
        point: float = 0.3,
    ) -> None:
        """One brush stroke. Each bristle has its own tint (streak), its own length (ragged) and its own ridge.

        dry in [0, 1] lets the stroke break up towards its end, load is the thickness of the paint,
        point in [0, 1] rounds the ends: 0 is a flat knife, 1 a lens.
        """
        window, a, b = self.footprint(x, y, angle, length, width, turn)
        if not a.size:
            return
        bristles = 3 + int(width * self.longest / 2.2)
        hair = np.clip((b + 1) * (bristles / 2), 0, bristles - 1).astype(np.intp)
        ridges = rng.random(bristles, np.float32)
        tints = color + streak * (rng.standard_normal((bristles, 1)) + 0.5 * rng.standard_normal((bristles, 3)))
        ends = 1 - ragged * rng.random((2, bristles), np.float32)
        end = np.where(a > 0, ends[0][hair], ends[1][hair]) - point * b * b
        soft = 0.7  # a stroke's edge is about one final pixel wide
        cover = np.clip((end - np.abs(a)) * (length * self.longest / 2) * soft, 0, 1)
        cover *= np.clip((1 - np.abs(b)) * (width * self.longest / 2) * soft, 0, 1)
        if self.regions is not None:
            row, column = int(y * self.longest), int(x * self.longest)
            inside = 0 <= row < self.regions.shape[0] and 0 <= column < self.regions.shape[1]
            cover *= self.regions[window] == self.regions[row, column] if inside else 0
        if dry:
            cover *= np.clip(1.6 - dry * (a + 1.4) * (0.4 + 1.3 * ridges[hair]), 0, 1)
        paint = load * (0.35 + 0.65 * ridges[hair] + 0.5 * np.abs(b) ** 3)
        self.color[window] += (tints[hair] - self.color[window]) * (opacity * cover)[..., None]
        self.thick[window] += (paint - 0.75 * self.thick[window]) * cover

    def lit(self, strength: float = 0.25, gloss: float = 0.15, grain: Array | None = None) -> Array:
        """The picture (H, W, 3) with light from the upper left on the ridges of the paint."""
        surface = blur(self.thick, 0.0006)
        if grain is not None:
            surface = surface + grain
        down, right = np.gradient(surface * self.longest / 1280)
        light = -(0.7 * right + 0.7 * down)
        shade = 1 + strength * np.tanh(3 * light)
        shine = gloss * np.clip(np.tanh(3 * light) - 0.3, 0, 1)
        return np.clip(self.color * shade[..., None] + shine[..., None], 0, 1)


def paint_over(
    canvas: Canvas,
    rng: Rng,
    scene: Array,
    angle: Array,
    count: int,
    length: float,
    width: float,
    *,
    jitter: float = 0.04,
    wobble: float = 0.15,
    accents: Array | None = None,
    where: Array | None = None,
    **brush: float,
) -> None:
    """Cover the canvas with count strokes that take their colour from scene and their direction from angle.

    jitter is the deviation of the colour, wobble that of the direction. One stroke in twelve takes a colour
    of accents (N, 3) into its own. where (H, W) in [0, 1] is the chance that a stroke is made there.
    """
    rows, columns = angle.shape
    turn = curvature(angle)
    limit = 1.6 / (length * canvas.longest)  # never bend a stroke further than to a hook
    for across, down in scattered(rng, count):
        i, j = int(down * rows), int(across * columns)
        luck, stretch = rng.random(3), rng.uniform(0.7, 1.3, 2)
        if where is not None and luck[0] > where[i, j]:
            continue
        color = scene[i, j] + jitter * (rng.standard_normal() + 0.6 * rng.standard_normal(3))
        if accents is not None and luck[1] < 1 / 12:
            color = color + 0.45 * (accents[int(luck[2] * len(accents))] - color)
        canvas.stroke(
            rng,
            j / canvas.longest,
            i / canvas.longest,
            angle[i, j] + wobble * rng.standard_normal(),
            length * stretch[0],
            width * stretch[1],
            color.astype(np.float32),
            turn=float(np.clip(turn[i, j], -limit, limit)),
            **brush,
        )


def finished(picture: Array, size: int) -> Image.Image:
    """The oversampled picture (H, W, 3) as an image whose longest side is size."""
    image = Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))
    return image.resize((image.width // OVERSAMPLING, image.height // OVERSAMPLING), Image.Resampling.LANCZOS)


# Artworks


def harbour_scene(rng: Rng, x: Array, y: Array, horizon: float) -> tuple[Array, Array, Array]:
    """What the oil painter sees: colours (H, W, 3), flow angle (H, W), and where small bright strokes belong (H, W)."""
    hill = horizon - 0.07 - 0.045 * ridge(rng, x, 0.45, 3) - 0.05 * fade(x, 0.5, 1.0)
    lights = [(0.73, 0.16, 0.052), (0.10, 0.09, 0.016), (0.31, 0.17, 0.021), (0.50, 0.07, 0.014), (0.94, 0.32, 0.015)]

    potential = 0.9 * y + 0.05 * noise(rng, x.shape, 0.4, 2)
    glow = np.zeros_like(x)
    for cx, cy, radius in lights:
        far = np.hypot(x - cx, (y - cy) * 1.05) / radius
        potential += 5.5 * radius * np.exp(-((far / 2.6) ** 2))
        halo = 0.62 * np.exp(-((far / 2.7) ** 2)) * (0.8 + 0.35 * np.cos(4.2 * far))
        glow = np.maximum(glow, np.maximum(fade(far, 1.15, 0.6), halo))
    for cx, cy, radius, sign in [(0.40, 0.36, 0.13, -2.2), (0.21, 0.30, 0.09, 1.8), (0.90, 0.42, 0.1, 1.5)]:
        potential += sign * radius * np.exp(-(((x - cx) ** 2 + (y - cy) ** 2) / radius**2))

    band = np.sin(44 * potential + 0.8 * noise(rng, x.shape, 0.2)) * 0.5 + 0.5
    depth = np.clip(y / horizon * 0.62 + 0.36 * band * fade(noise(rng, x.shape, 0.3), -1.2, 1), 0, 1)
    sky = ramp(depth, colors("0a1440 14307a 2458a8 3f86b8 9cc8b4"))
    warm = ramp(np.clip(glow, 0, 1), colors("2f6fae 5fa39a c9b25a f2a83a ffd45e fff6cf"))
    scene = mix(sky, warm, fade(glow, 0.14, 0.5))
    land = ramp(fade(y - hill, 0, 0.12), colors("2a3f78 15204d 0a0f2b"))
    scene = mix(scene, land, y > hill)

    lamps = [(cx, horizon - 0.012 - 0.03 * rng.random() ** 2) for cx in rng.normal(0.45, 0.27, 20)]
    for cx, cy in lamps:
        scene = mix(scene, colors("ffb52e")[0], 0.95 * np.exp(-((np.hypot(x - cx, y - cy) / 0.009) ** 2)))

    water = 0.55 * mirrored(scene, y, horizon) + 0.35 * colors("0f2f66")[0]
    ripple = 0.006 * noise(rng, x.shape, 0.03, 2, stretch=4)
    for cx, wide, reach in [(cx, 0.006, rng.uniform(0.1, 0.26)) for cx, _ in lamps] + [(0.73, 0.022, 0.45)]:
        column = np.exp(-(((x - cx + ripple) / (wide * (0.7 + 3 * (y - horizon)))) ** 2))
        water = mix(water, colors("f2a73b")[0], 0.85 * column * fade(y, horizon + reach, horizon))
    scene = mix(scene, water, y > horizon)

    angle = along(potential)
    angle = np.where(y > hill, along(y - 0.8 * hill + 0.02 * noise(rng, x.shape, 0.2, 2)), angle)
    angle = np.where(y > horizon, 0.12 * noise(rng, x.shape, 0.15, 2), angle)
    bright = fade(glow + 0.45 * (y - horizon < 0.05) * (y > hill), 0.25, 0.6)
    return scene, angle, bright


def harbour_night(size: int, rng: Rng) -> Image.Image:
    """Oil: a harbour under a swirling sky, deep blues and warm lights."""
    x, y = plane(size, 5 / 4)
    horizon = 0.52
    scene, angle, bright = harbour_scene(rng, x, y, horizon)
    accents = colors("f0c24b 59b6c9 6f5fb5 2b9c93 e8e2b0")
    canvas = Canvas(scene * 0.6 + 0.06)
    for count, length, width in [(1500, 0.13, 0.026), (6000, 0.07, 0.0125), (9000, 0.038, 0.007)]:
        paint_over(canvas, rng, scene, angle, count, length, width, jitter=0.035, accents=accents, dry=0.25)
    paint_over(canvas, rng, scene, angle, 9000, 0.024, 0.005, where=bright, load=1.3)
    moored_boats(canvas, rng, horizon)
    return finished(canvas.lit(0.28, 0.14, 0.05 * noise(rng, x.shape, 0.003, 1)), size)


def moored_boats(canvas: Canvas, rng: Rng, horizon: float) -> None:
    """Three dark boats with masts, each with its wavering reflection."""
    dark, lamp = colors("0a0d26 ffca55")
    for cx, cy, scale in [(0.20, horizon + 0.10, 0.75), (0.86, horizon + 0.07, 0.6), (0.33, horizon + 0.20, 1.25)]:
        for _ in range(14):
            dx, dy = rng.normal(0, 0.018), abs(rng.normal(0, 0.016)) + 0.008
            canvas.stroke(rng, cx + dx * scale, cy + dy * scale, 0.0, 0.07 * scale, 0.006 * scale, dark, opacity=0.7)
        for tilt, mast in [(0.04, 0.15), (-0.05, 0.11)]:
            foot = cx + tilt * 0.4 * scale
            canvas.stroke(rng, foot, cy - mast / 2 * scale, np.pi / 2 + tilt, mast * scale, 0.0045 * scale, dark)
        for row in range(4):
            long = (0.125 - 0.016 * row) * scale
            canvas.stroke(
                rng,
                cx,
                cy + (row * 0.0055 - 0.006) * scale,
                0.0,
                long,
                0.008 * scale,
                dark + 0.03 * row,
                turn=-1.6 / (long * canvas.longest) * 0.35,
            )
        canvas.stroke(rng, cx + 0.012 * scale, cy - 0.022 * scale, 1.2, 0.012 * scale, 0.009 * scale, lamp, load=1.5)


def cells(rng: Rng, u: Array, v: Array, around: int = 100) -> tuple[Labels, Array, Array]:
    """Voronoi cells of about 1 x 1 in the coordinates u, v (H, W): labels from 0 to 9999 and the offset from the seed.

    Each seed lies somewhere in its own unit square, so the nearest one is in one of nine squares.
    Along u they repeat after around squares, so that a ring closes.
    """
    seeds = rng.uniform(0.12, 0.88, (100, 100, 2)).astype(np.float32)
    column, row = np.floor(u).astype(int), np.floor(v).astype(int)
    nearest = np.full(u.shape, np.inf, np.float32)
    label, du, dv = np.zeros(u.shape, int), np.zeros_like(u), np.zeros_like(v)
    for i, j in np.ndindex(3, 3):
        c, r = column + i - 1, row + j - 1
        seed = seeds[c % around, r % 100]
        to_u, to_v = u - c - seed[..., 0], v - r - seed[..., 1]
        closer = to_u**2 + to_v**2 < nearest
        nearest = np.where(closer, to_u**2 + to_v**2, nearest)
        label = np.where(closer, c % around * 100 + r % 100, label)
        du, dv = np.where(closer, to_u, du), np.where(closer, to_v, dv)
    return label, du, dv


def lily_window(rng: Rng, x: Array, y: Array) -> tuple[Labels, Array, Array, Array]:
    """A window's panes: labels (H, W), colours (H, W, 3), slopes of light (H, W), slants of lines (H, W)."""
    wave = 0.008 * noise(rng, x.shape, 0.25, 2)
    label, glass = np.zeros(x.shape, int), np.zeros((*x.shape, 3), np.float32)
    shade, slant = np.zeros_like(x), np.zeros_like(x)

    def glaze(mask: Mask, u: Array, v: Array, palette: str, around: int = 100) -> None:
        """Fill the mask with panes of about 1 x 1 in u, v, each with its own colour of the palette and its own tilt."""
        pane, du, dv = cells(rng, u, v, around)
        tint, turn = rng.random((2, 10000), np.float32)[:, pane]
        label[mask] = (pane + 10000 * (label.max() // 10000 + 1))[mask]
        glass[mask] = ramp(tint, colors(palette))[mask]
        shade[mask] = (0.6 * du * np.cos(6.28 * turn) + 0.6 * dv * np.sin(6.28 * turn))[mask]
        slant[mask] = turn[mask]

    def turns(cx: float, cy: float) -> Array:
        """The angle around (cx, cy), from 0 to 1."""
        return np.arctan2(y - cy, x - cx) / (2 * np.pi) + 0.5

    sun, angle = np.hypot(x - 0.47, y - 0.29) + wave, turns(0.47, 0.29)
    glaze(sun >= 0, 24 * angle, 11 * np.sqrt(np.abs(sun)), "0d2f8f 1f5fd0 2f8fe0 3a3fb0 6fc3ee 134a9e", 24)
    glaze(sun < 0.225, 18 * angle, sun * 9, "f5a21d ffcf3f e8721c ffe27a f08a1c", 18)
    glaze(sun < 0.115, 9 * angle, sun * 12, "fff0a0 ffd84a fff7d0", 9)
    glaze(sun < 0.045, x * 4, y * 4, "fff9dc fff3b0")
    far = 0.56 + 0.05 * np.sin(9 * x + 0.6) + wave
    glaze(y > far, 9 * x, 14 * (y - far), "5b2a8c 8a3fae 3c2a8a b05fc0 6a2f7a")
    near = 0.66 + 0.06 * np.sin(6.5 * x + 2.6) + wave
    glaze(y > near, 8 * x, 13 * (y - near), "1d7a3a 4fae3c 0f5a44 98c93c 2a8f5a")
    river = np.abs(x - 0.36 - 0.10 * np.sin(11 * (y - 0.6))) < 0.02 + 0.55 * (y - near)
    glaze((y > near) & river, 5 * x + 9 * y, 26 * y + 2 * x, "2fb3d6 8fe0ea 1c7fc0 c9f2ee 35c9c0")
    for cx, cy, scale, palette in [
        (0.16, 0.70, 0.130, "d81e3c f0485a a80f3a ff7a6a"),
        (0.62, 0.735, 0.155, "f2f0e4 ffd9e6 f7b6cf ffffff"),
        (0.40, 0.85, 0.115, "e0308a f56ab0 b01a78 ff9ac8"),
    ]:
        bend = 0.03 * np.sin(5 * (y - cy))
        glaze((np.abs(x - cx - bend) < 0.011) & (y > cy), x * 3, y * 9, "0f6b34 2f9a3f")
        for side in (-1, 1):
            u, v = x - cx - bend - side * 0.08, y - cy - 1.55 * scale + side * 0.6 * (x - cx)
            glaze((u / 0.085) ** 2 + (v / 0.034) ** 2 < 1, 5 * x, 2 * y, "1f8a3c 7ac943 3fae5a")
        radius = np.hypot(x - cx, y - cy) / scale
        lobe = 0.72 + 0.28 * np.cos(12 * np.pi * turns(cx, cy) + scale * 40)
        glaze(radius < lobe, 6 * turns(cx, cy) + 0.15 * np.sin(9 * radius), 1.9 * radius, palette, 6)
        glaze(radius < 0.24, 5 * turns(cx, cy), radius, "ffc62e ff9a1c ffe06a", 5)
    edge = margin(x, y)
    glaze(edge < 0.035, 14 * x, 14 * y, "a0142f d02a3a 1f4fb0 e0a828 148080")
    return label, glass, shade, slant


def stained_glass(size: int, rng: Rng) -> Image.Image:
    """Stained glass: a sun over hills and a river, lilies in front; glowing panes between leads."""
    x, y = plane(size, 4 / 5)
    label, glass, shade, slant = lily_window(rng, x, y)
    streak = noise(rng, x.shape, 0.08, 4, stretch=0.35) + 0.5 * noise(rng, x.shape, 0.012, 2)
    light = 0.95 + 0.5 * shade + 0.10 * streak + 0.06 * noise(rng, x.shape, 0.4)
    light *= 1.08 - 0.35 * fade(np.hypot(x - 0.45, y - 0.38), 0.2, 0.75)
    bubbles = noise(rng, x.shape, 0.009, 1)
    light += 0.22 * fade(bubbles, 2.1, 2.8)
    hatch = np.sin(600 * (x * np.cos(7 * slant) + y * np.sin(7 * slant)) + 1.5 * noise(rng, x.shape, 0.02, 2))
    light *= 1 - 0.30 * fade(shade, -0.1, -0.3) * fade(hatch, 0.1, 0.8)  # grisaille: dark lines painted on the glass
    light = np.clip(light, 0.35, 1.6)[..., None]
    picture = np.clip(glass, 0.01, 1) ** (1.1 / light) * np.minimum(light, 1.2)

    profile = blur(edges(label), 0.0029) * max(x.shape) * 0.0029 * 2.5 + 0.05 * noise(rng, x.shape, 0.02, 2)
    lead = fade(profile, 0.34, 0.44)
    down, right = np.gradient(blur(np.minimum(profile, 1.6), 0.001) * max(x.shape) / 1280)
    metal = 0.15 - 2.2 * (down + right) + 0.04 * noise(rng, x.shape, 0.006, 2)
    picture = picture * (1 - 0.45 * fade(profile, 0.05, 0.36))[..., None]  # dirt gathers along the lead
    picture = mix(picture, metal[..., None] * colors("c8ccd8")[0], lead)
    return finished(0.86 * picture + 0.30 * blur(picture, 0.012), size)


def autumn_scene(rng: Rng, x: Array, y: Array) -> tuple[Array, Array, Array, Array]:
    """Glowing wood, floor and wet path (H, W, 3); knife angle; chance of crowns' leaves; chance of fallen leaves."""
    ground = 0.68 + 0.012 * ridge(rng, x, 0.4)
    leaves = noise(rng, x.shape, 0.22, 4)
    tone = np.clip(0.5 + 0.24 * leaves + 0.25 * (0.35 - np.hypot(x - 0.42, 0.8 * (y - 0.42))) / 0.35, 0, 1)
    wood = ramp(tone, colors("3d1420 7a1f1c b8361a e0701a f2a52a f8d468 fdf0c0"))
    gap = fade(noise(rng, x.shape, 0.13, 3) - 2.2 * np.abs(x - 0.42), 0.55, 1.1)
    wood = mix(wood, colors("8fb0b8")[0], 0.75 * gap * fade(y, 0.5, 0.2))
    tone = np.clip(0.5 + 0.3 * noise(rng, x.shape, 0.1, 3, stretch=3) - 0.8 * (y - 0.82), 0, 1)
    scene = mix(wood, ramp(tone, colors("2c1622 6b2420 b2481c e08a2a f0bf55")), y > ground)
    path = np.abs(x - 0.42 - 0.10 * (y - 0.68)) < 0.02 + 0.75 * (y - ground)
    wet = 0.55 * mirrored(scene, y, 0.68) + 0.33 * colors("4f7fb8")[0]
    scene = mix(scene, wet, path & (y > ground))
    falling = np.pi / 2 + 0.5 * noise(rng, x.shape, 0.3, 2)
    angle = np.where(y > ground, 0.1 * noise(rng, x.shape, 0.2, 2), falling)
    crowns = fade(leaves + 1.2 * fade(y, 0.5, 0.05), 0.6, 1.6) * fade(y, 0.66, 0.5)
    return scene, angle, crowns, 0.5 * (y > ground) * (1 - 0.75 * path)


def autumn_birches(size: int, rng: Rng) -> Image.Image:
    """Palette knife: birches in an autumn wood, with a wet path that mirrors the leaves."""
    x, y = plane(size, 4 / 5)
    scene, angle, crowns, litter = autumn_scene(rng, x, y)
    canvas = Canvas(colors("4a2018")[0] * np.ones((*x.shape, 1)))
    accents = colors("ffd23c e8432a 2f6f7a f6b7a0 7a2f5a fff0b8")

    def knife(count: int, length: float, width: float, wobble: float, jitter: float, where: Array | None = None) -> None:
        """A layer of flat strokes, thick as butter."""
        paint_over(
            canvas,
            rng,
            scene * (1 + jitter),
            angle,
            count,
            length,
            width,
            jitter=jitter,
            wobble=wobble,
            accents=accents,
            where=where,
            point=0.0,
            ragged=0.12,
            streak=0.035,
            dry=0.35,
            load=1.6,
        )

    knife(900, 0.11, 0.055, 0.5, 0.05)
    for at in scattered(rng, 9)[:, 0] * 0.8:
        birch(canvas, rng, at, 0.67 + 0.02 * rng.random(), 0.010 + 0.006 * rng.random(), 0.55)
    knife(2600, 0.05, 0.028, 0.9, 0.06, np.full(x.shape, 0.75))
    for at, foot, width in [
        (0.075, 0.83, 0.04),
        (0.235, 0.74, 0.026),
        (0.335, 0.70, 0.016),
        (0.60, 0.76, 0.03),
        (0.705, 0.90, 0.05),
    ]:
        birch(canvas, rng, at, foot, width, 1.0)
    knife(3400, 0.03, 0.017, 1.5, 0.07, np.maximum(0.8 * crowns, litter))
    knife(2400, 0.014, 0.009, 1.5, 0.09, np.maximum(crowns, litter))
    return finished(canvas.lit(0.34, 0.22, 0.08 * noise(rng, x.shape, 0.004, 2)), size)


def birch(canvas: Canvas, rng: Rng, x: float, foot: float, width: float, strength: float) -> None:
    """A birch trunk of knife strokes from the foot to beyond the upper edge: bark, shadow side, dark scars."""
    lean, top = rng.normal(0, 0.05), -0.05
    bark, shadow, scar = colors("f3ead6 9aa0b4 1c1418")
    height = foot - top

    def bark_at(up: float, side: float) -> tuple[float, float]:
        """The point at this share of the height (0 to 1) and of the width (-0.5 to 0.5)."""
        return x + lean * up + width * (side + 0.2 * np.sin(5 * up + x * 40)), foot - height * up

    count = int(height / width * 2.6)
    for k in range(count):
        side = rng.uniform(-0.5, 0.5)
        color = bark + (shadow - bark) * fade(np.asarray(side), 0.0, 0.5) - 0.12 * rng.random()
        at = bark_at((k + rng.random()) / count, side)
        canvas.stroke(
            rng,
            *at,
            np.pi / 2 + rng.normal(0, 0.12),
            2.0 * width,
            0.55 * width,
            color,
            point=0.0,
            ragged=0.15,
            streak=0.05,
            opacity=strength,
            load=1.8,
        )
    for up in rng.random(int(height / width * 1.3)):
        at = bark_at(up, rng.choice([-0.3, 0.25, 0.0]))
        long, high = width * rng.uniform(0.3, 0.9), width * rng.uniform(0.12, 0.34)
        canvas.stroke(rng, *at, rng.normal(0, 0.2), long, high, scar, ragged=0.6, dry=0.6, opacity=strength, load=0.8)


def river_scene(rng: Rng, x: Array, y: Array) -> Array:
    """Colours (H, W, 3) of an evening: sky and hills, poplars, boats, all mirrored in a river, a meadow in front."""
    horizon, bank = 0.36, 0.60 - 0.16 * fade(x, 0.42, 0.0) + 0.05 * np.sin(5 * x + 1)
    scene = ramp(np.clip(y / horizon, 0, 1), colors("3f7fc8 7fb4e0 f0d8b8 fbbf78 f08a70"))
    cloud = fade(noise(rng, x.shape, 0.2, 4, stretch=2.2) - 2.5 * np.abs(y - 0.13), 0.3, 1.3)
    scene = mix(scene, colors("fff0d8")[0], 0.85 * cloud)
    sun = np.hypot(x - 0.66, y - 0.25)
    scene = mix(scene, colors("fff6c4")[0], np.maximum(fade(sun, 0.045, 0.035), 0.8 * np.exp(-sun / 0.09)))
    scene = mix(scene, colors("8a86c0")[0], y > horizon - 0.035 - 0.014 * ridge(rng, x, 0.3))
    scene = mix(scene, colors("5f8f6a")[0], y > horizon - 0.012 - 0.009 * ridge(rng, x, 0.08))
    for at, top, wide in [
        (0.055, 0.09, 0.045),
        (0.135, 0.03, 0.05),
        (0.215, 0.13, 0.04),
        (0.285, 0.19, 0.033),
        (0.345, 0.24, 0.026),
    ]:
        scene = poplar(rng, scene, x - at, (y - top) / (horizon + 0.06 - top), wide)
    afloat = np.zeros(x.shape, bool)
    for at, foot, tall in [(0.50, 0.385, 0.16), (0.72, 0.375, 0.10), (0.88, 0.415, 0.24)]:
        scene, boat = sailboat(scene, (x - at) / tall, (foot - y) / tall)
        afloat |= boat
    rippled = y - 0.008 * noise(rng, x.shape, 0.02, 2, 5)
    river = 0.66 * mirrored(scene, rippled, horizon + 0.01) + 0.30 * colors("2f62c8")[0]
    scene = mix(scene, river, (y > horizon + 0.012) & ~afloat)
    tone = np.clip((y - bank) * 2.4 + 0.12 * noise(rng, x.shape, 0.08, 3), 0, 1)
    meadow = ramp(tone, colors("d8d84f 8fb84a 3f8f56 255a78 23306a"))
    flowers = fade(noise(rng, x.shape, 0.022, 1) + 0.5 * noise(rng, x.shape, 0.15, 1), 1.5, 1.7)
    meadow = mix(meadow, ramp(noise(rng, x.shape, 0.15, 1) * 0.4 + 0.5, colors("e8503f f5b8d0 ffd84a f08ab0")), flowers)
    return mix(scene, meadow, y > bank)


def poplar(rng: Rng, scene: Array, side: Array, down: Array, wide: float) -> Array:
    """scene with a poplar: side is the distance from its axis, down goes from 0 at the top to 1 at the foot."""
    outline = 1.35 * wide * np.sqrt(np.clip(down * (1.15 - down), 0, 1))
    inside = (np.abs(side + 0.004 * noise(rng, side.shape, 0.03, 2)) < outline) & (down < 1.02)
    tone = np.clip(0.5 + 0.5 * side / wide + 0.15 * noise(rng, side.shape, 0.03, 2), 0, 1)
    return mix(scene, ramp(tone, colors("23366e 2f6b5a 6fa83f d8d24a")), inside)


def sailboat(scene: Array, along_it: Array, up: Array) -> tuple[Array, Mask]:
    """scene with a sailboat, and where it is; along_it and up are measured from its mast's foot, in mast heights."""
    sail = (up > 0.06) & (up < 1) & (along_it > 0) & (along_it < 0.52 * (1 - up) * (1 + 0.5 * up))
    jib = (up > 0.06) & (up < 0.85) & (along_it < -0.02) & (along_it > -0.40 * (0.9 - up))
    hull = (np.abs(along_it - 0.03) < 0.28 * (1 + 0.8 * up)) & (up < 0.06) & (up > -0.05)
    scene = mix(scene, ramp(np.clip(up, 0, 1), colors("ffb27a fff3dc")), sail)
    scene = mix(mix(scene, colors("d8482f")[0], jib), colors("4a1f4a")[0], hull)
    return scene, sail | jib | hull


def river_in_dots(size: int, rng: Rng) -> Image.Image:
    """Pointillism: poplars, sails and a river on a summer evening, in dots of complementary colours."""
    x, y = plane(size, 5 / 4)
    scene = river_scene(rng, x, y)
    canvas = Canvas(0.93 * colors("fff6e4")[0] * np.ones((*x.shape, 1)))
    for count, dot, share, spread in [
        (9000, 0.0125, 0.0, 0.05),
        (20000, 0.0078, 0.15, 0.08),
        (11000, 0.0052, 0.20, 0.10),
    ]:
        dots(canvas, rng, scene, count, dot, share, spread)
    return finished(canvas.lit(0.2, 0.05, 0.12 * noise(rng, x.shape, 0.006, 2)), size)


def dots(canvas: Canvas, rng: Rng, scene: Array, count: int, dot: float, share: float, spread: float) -> None:
    """Round dabs of the scene's colours, made purer; a share of them takes the complementary colour instead."""
    rows, columns = scene.shape[:2]
    for across, down in scattered(rng, count):
        color = scene[int(down * rows), int(across * columns)]
        gray = color.mean()
        vivid = gray + 1.45 * (color - gray) + spread * rng.standard_normal(3)
        if rng.random() < share:
            vivid = gray + 0.15 - 1.1 * (color - gray) + spread * rng.standard_normal(3)
        canvas.stroke(
            rng,
            across * columns / canvas.longest,
            down * rows / canvas.longest,
            rng.uniform(0, 3.1),
            dot * rng.uniform(0.9, 1.3),
            dot * rng.uniform(0.75, 1.0),
            np.clip(vivid, 0.02, 1).astype(np.float32),
            point=0.9,
            ragged=0.12,
            streak=0.02,
            load=1.2,
            opacity=0.93,
        )


CHARCOAL, CHALK = colors("1a100d f7ecd2")


def guitar_in_planes(size: int, rng: Rng) -> Image.Image:
    """Cubism: a guitar, a bottle and a glass on a table, seen anew in every facet."""
    x, y = plane(size, 4 / 5)
    facet = facets(rng, x, y, 50)
    count = facet.max() + 1
    shift, turn = rng.normal(0, 0.011, (2, count)), rng.normal(0, 0.09, count)
    direction = rng.uniform(0, 2 * np.pi, count)
    cx, cy = (np.bincount(facet.ravel(), part.ravel()) / np.bincount(facet.ravel()) for part in (x, y))
    dx, dy = x - cx[facet], y - cy[facet]
    sin, cos = np.sin(turn)[facet], np.cos(turn)[facet]
    seen_x = cx[facet] + shift[0][facet] + 0.94 * (cos * dx - sin * dy)
    seen_y = cy[facet] + shift[1][facet] + 0.94 * (sin * dx + cos * dy)
    scene, part, lines = still_life(seen_x.astype(np.float32), seen_y.astype(np.float32))

    slope = dx * np.cos(direction)[facet] + dy * np.sin(direction)[facet]
    across = dy * np.cos(direction)[facet] - dx * np.sin(direction)[facet]
    tone = np.clip(0.52 + 6 * slope + 0.16 * rng.standard_normal(count)[facet], 0, 1)
    veil = ramp(tone, colors("170f10 5a3520 a9772f e3bd74 fbf0d0"))
    thick = np.clip(0.42 + 0.16 * rng.standard_normal(count), 0.15, 0.8)[facet]
    scene = mix(scene, veil, thick * np.where(part >= 2, 0.55, 1))
    kind = rng.random(count)[facet]
    scene = mix(scene, ramp(tone, colors("16282e 4f7478 c9d6c4")), 0.6 * (kind > 0.86) * (part < 2))
    scene = mix(scene, ramp(tone, colors("4a1410 bb3f1c f5a860")), 0.65 * (kind < 0.13) * np.where(part < 2, 1, 0.6))

    canvas = Canvas(0.8 * scene + 0.05)
    canvas.regions = facet * 10 + part
    angle = (direction + np.pi / 2)[facet] + 0.1 * noise(rng, x.shape, 0.1, 2)
    for number, length, width in [(3000, 0.045, 0.019), (9000, 0.021, 0.0115)]:
        paint_over(canvas, rng, scene, angle, number, length, width, jitter=0.028, wobble=0.1, dry=0.5, point=0.0, streak=0.035)
    tooth = 0.35 + 0.65 * fade(noise(rng, x.shape, 0.0018, 1), -1.6, 0.2)  # the canvas's grain under the charcoal
    paste(canvas, rng, kind, slope, across, tooth)
    rim = fade(blur(edges(facet), 0.0013) * canvas.longest * 0.0013 * 2.5, 0.1, 0.7)
    wide = fade(blur(edges(facet), 0.008) * canvas.longest * 0.008 * 2.5, 0.2, 1.4)
    pressure = fade(noise(rng, x.shape, 0.12, 3), -1.6, 1.2)
    charcoal = np.clip(0.30 * wide * (slope < 0) + 0.9 * rim * pressure * tooth, 0, 1)
    canvas.color = mix(canvas.color, CHARCOAL, charcoal)
    canvas.color = mix(canvas.color, CHARCOAL, 0.9 * np.clip(lines, 0, 1) * tooth)
    canvas.color = mix(canvas.color, CHALK, 0.85 * np.clip(-lines, 0, 1) * tooth)
    return finished(canvas.lit(0.24, 0.05, 0.14 * noise(rng, x.shape, 0.005, 2)), size)


def paste(canvas: Canvas, rng: Rng, kind: Array, slope: Array, across: Array, tooth: Array) -> None:
    """Some kinds (H, W, from 0 to 1) of facets become combed wood, newsprint or stippling."""
    combed = np.sin(330 * across + 3.5 * noise(rng, kind.shape, 0.09, 2))
    print_ = 2 * np.minimum(np.sin(420 * across), noise(rng, kind.shape, 0.012, 1))
    stippled = 2 * np.sin(260 * across) * np.sin(260 * slope) - 0.6
    for first, last, mark, color in [
        (0.16, 0.27, combed, CHARCOAL),
        (0.30, 0.40, print_, CHARCOAL),
        (0.50, 0.58, stippled, CHALK),
    ]:
        here = (kind > first) & (kind < last)
        canvas.color = mix(canvas.color, color, 0.62 * here * fade(mark, 0.15, 0.75) * tooth)


def facets(rng: Rng, x: Array, y: Array, count: int) -> Labels:
    """Labels (H, W) of count pieces: again and again the largest piece is cut in two by a line or a wide arc."""
    label = np.zeros(x.shape, int)
    for new in range(1, count):
        piece = label == np.bincount(label.ravel()).argmax()
        px, py = x[piece], y[piece]
        angle = rng.choice([0.35, 1.2, 1.9, 2.75, 1.57]) + rng.normal(0, 0.12)
        side = (px - px.mean()) * np.cos(angle) + (py - py.mean()) * np.sin(angle) + rng.normal(0, 0.012)
        if rng.random() < 0.3:
            side = np.hypot(px - px.mean() - 0.3 * np.cos(angle), py - py.mean() - 0.3 * np.sin(angle)) - 0.3
        label[piece] = np.where(side > 0, new, label[piece])
    return label


def still_life(x: Array, y: Array) -> tuple[Array, Labels, Array]:
    """Guitar, bottle and glass at the points x, y (H, W).

    Returns colours (H, W, 3), a label (H, W) for each part, and lines (H, W): 1 for ink, -1 for chalk.
    """
    part, lines = np.zeros(x.shape, int), np.zeros_like(x)
    scene = ramp(np.clip(y * 0.9 + 0.25 * x, 0, 1), colors("d8c096 c79a58 8f6434 5f3f28"))

    def add(number: int, distance: Array, t: Array, palette: str) -> None:
        """Lay an outlined part where distance < 0, its colour running through the palette with t in [0, 1]."""
        scene[distance < 0] = ramp(np.clip(t, 0, 1), colors(palette))[distance < 0]
        part[distance < 0] = number
        lines[distance < 0] = 0
        lines[:] = np.maximum(lines, stripe(distance, 0.0026))

    def stripe(distance: Array, width: float) -> Array:
        """A line of this half width where distance is 0."""
        return fade(np.abs(distance), width, width * 0.4)

    add(1, 0.74 + 0.18 * (x - 0.4) - y, x + 0.2, "8a3f1e b5602c 5f2a1a")

    p, q = x - 0.66, y - 0.42
    bottle = np.maximum(np.abs(p) - 0.028 - 0.045 * fade(q, -0.13, -0.02), np.abs(q - 0.04) - 0.28)
    add(2, bottle, 0.5 + 6 * p, "8fae84 2f5a48 10281f")
    label = np.maximum(np.abs(p) - 0.07, np.abs(q - 0.16) - 0.06)
    add(3, label, 0.5 + 4 * q, "f6ebcc e3cf9c")
    lines[:] = np.maximum(lines, stripe((q * 60) % 1 - 0.5, 0.15) * (label < -0.014))

    u, v = 0.9 * (x - 0.40) + 0.43 * (y - 0.58), 0.9 * (y - 0.58) - 0.43 * (x - 0.40)  # the guitar leans
    body = np.minimum(np.hypot(u, v * 1.05) - 0.20, np.hypot(u, v + 0.22) - 0.145)
    add(4, body, 0.5 + 2.2 * u, "fbdf9c e6a445 b5651f 5a2a14")
    add(5, np.hypot(u, v + 0.08) - 0.066, 0.5 + 5 * v, "140a08 3d2216")
    add(6, np.maximum(np.abs(u) - 0.027, np.abs(v + 0.42) - 0.27), 0.5 + 12 * u, "5a3520 24140e")
    add(7, np.maximum(np.abs(u) - 0.045, np.abs(v + 0.74) - 0.06), 0.5 + 8 * u, "8f4f26 3d2014")
    add(8, np.maximum(np.abs(u) - 0.075, np.abs(v - 0.085) - 0.012), 0.5 + 4 * u, "2a1710 4a2a18")

    p, q = x - 0.14, y - 0.70
    glass = np.maximum(np.abs(p) - 0.055 + 0.12 * (q + 0.09), np.abs(q) - 0.09)
    add(9, glass, 0.5 + 5 * p, "f3f1df a9b3a0")
    add(9, np.maximum(glass, -q), 0.5 + 6 * p, "b5302c 5f1218")
    lines = np.maximum(lines, stripe(np.hypot(p, 2.6 * (q + 0.09)) - 0.055, 0.0022))

    for string in np.linspace(-0.02, 0.02, 5):
        lines = lines - 2 * stripe(u - string, 0.0024) * ((v < 0.085) & (v > -0.74) & (part >= 4) & (part <= 8))
    lines = lines - 0.8 * stripe((v * 22) % 1 - 0.5, 0.06) * ((part == 6) & (v < -0.2))
    return scene, part, lines


def orchard_forms(rng: Rng, x: Array, y: Array) -> tuple[Labels, Array, Array]:
    """Sun, clouds, hills, fields, two houses: a label, a brightness in [0, 1] and a flow potential, all (H, W)."""
    label, light, potential = np.zeros(x.shape, int), np.zeros_like(x), np.zeros_like(x)

    def carve(mask: Mask, brightness: Array, flow: Array) -> None:
        """A new form in front of the others: how much is cut away (0 to 1), along the level lines of flow."""
        label[mask] = label.max() + 1
        light[mask] = brightness[mask]
        potential[mask] = flow[mask]

    far = np.hypot(x - 0.64, y - 0.33)
    turn = np.arctan2(y - 0.33, x - 0.64)
    rays = 0.5 + 0.5 * np.cos(22 * turn + 0.5 * noise(rng, x.shape, 0.3, 2))
    carve(far >= 0, np.clip(1.05 - 1.25 * far + 0.35 * (rays - 0.5), 0.12, 1), turn)
    carve(far < 0.115, np.ones_like(x), far)
    for cx, cy, wide in [(0.28, 0.11, 0.15), (0.86, 0.14, 0.12), (0.47, 0.20, 0.09), (0.10, 0.24, 0.10)]:
        dome = 0.045 * np.sqrt(np.clip(1 - ((x - cx) / wide) ** 2, 0, 1))
        cloud = np.abs(y - cy - 0.012 * np.sin(40 * (x - cx))) < dome
        carve(cloud, np.clip(0.95 - 16 * (y - cy), 0.1, 1), y + 0.10 * (x - cx) ** 2 / wide)
    for k, height in enumerate([0.43, 0.48, 0.545]):
        crest = height - (0.035 + 0.01 * k) * ridge(rng, x, 0.5 - 0.08 * k, 3)
        facing = np.gradient(crest) * max(x.shape)
        carve(y > crest, np.clip(0.45 + 1.1 * facing - 3.2 * (y - crest), 0.06, 0.9), y - 0.75 * crest + 0.3 * (k % 2) * x)
    edge = 0.60 + 0.03 * np.sin(5 * x + 1.2)
    down = (x - 0.62) / (y - 0.42)
    furrows = 0.5 + 0.5 * np.cos(34 * down)
    carve((y > edge), np.clip(1.15 * furrows - 0.2, 0.0, 0.95), down)
    meadow = 0.735 - 0.16 * fade(x, 0.62, 0.05) + 0.03 * np.sin(7 * x)
    patchy = np.clip(0.75 - 3.5 * (y - meadow) + 0.18 * noise(rng, x.shape, 0.08, 2), 0.08, 0.9)
    carve(y > meadow, patchy, x + 0.25 * y + 0.04 * noise(rng, x.shape, 0.2, 2))
    for cx, foot, wide in [(0.80, 0.63, 0.055), (0.885, 0.655, 0.045)]:
        wall = (np.abs(x - cx) < wide) & (y < foot) & (y > foot - 0.055)
        carve(wall, np.where(x > cx, 0.15, 0.9), np.where(x > cx, x, y))
        roof = (y <= foot - 0.055) & (y > foot - 0.115) & (np.abs(x - cx) < wide * 1.25 - 0.55 * (foot - 0.055 - y))
        carve(roof, np.where(x > cx, 0.25, 0.7), x - 0.9 * y)
        carve((np.abs(x - cx + wide * 0.45) < 0.010) & (np.abs(y - foot + 0.028) < 0.014), 0 * x, x)
    return label, light, potential


def orchard_linocut(size: int, rng: Rng) -> Image.Image:
    """Linocut: a low sun, hills, ploughed fields and a crooked tree; cream marks carved out of black."""
    x, y = plane(size, 5 / 4)
    label, light, potential = orchard_forms(rng, x, y)
    block = Canvas(np.zeros((*x.shape, 3)))
    block.regions = label
    gouge(block, rng, light, along(potential), blur(edges(label), 0.0016))
    crooked_tree(block, rng, 0.20, 0.80)
    carved = block.color[..., 0] + 0.10 * noise(rng, x.shape, 0.004, 2) * (block.color[..., 0] > 0.2)
    salt = noise(rng, x.shape, 0.0035, 2) + 0.5 * noise(rng, x.shape, 0.12, 3)
    printed = fade(carved, 0.55, 0.42) * (1 - 0.85 * fade(salt, 2.0, 2.7))
    chatter = fade(noise(rng, x.shape, 0.02, 2, stretch=0.4) + 0.6 * noise(rng, x.shape, 0.005, 1), 2.2, 2.6)
    printed = np.maximum(printed, 0.9 * chatter * (light > 0.55))  # ridges that the gouge left standing
    edge = margin(x, y) + 0.0018 * noise(rng, x.shape, 0.03, 3)
    printed *= fade(edge, 0.020, 0.022)
    fibre = noise(rng, x.shape, 0.01, 3, stretch=3)
    paper = colors("efe4c8")[0] * (1 + 0.022 * fibre + 0.02 * noise(rng, x.shape, 0.3))[..., None]
    ink = colors("1b1715")[0] + (0.016 * noise(rng, x.shape, 0.006, 3) + 0.02 * noise(rng, x.shape, 0.2))[..., None]
    return finished(mix(paper, ink, printed), size)


def gouge(block: Canvas, rng: Rng, light: Array, angle: Array, border: Array) -> None:
    """Cut tapered marks, white on black, along angle: wide and close where light is 1, thin and rare where it is 0.

    A mark starts only where nothing is cut yet, so that a thin ridge stays between the marks.
    """
    rows, columns = light.shape
    gap = round(0.0031 * block.longest)
    turn, limit = curvature(angle), 13 / block.longest
    for across, down in scattered(rng, 26000):
        i, j = int(down * rows), int(across * columns)
        bright = light[i, j]
        around = block.color[max(0, i - gap) : i + gap + 1, max(0, j - gap) : j + gap + 1, 0]
        if around.max() > 0.3 or rng.random() > 0.25 + bright or border[i, j] > 0.05:
            continue
        width, length = 0.0016 + 0.0066 * bright, (0.018 + 0.05 * bright) * rng.uniform(0.6, 1.4)
        block.stroke(
            rng,
            j / block.longest,
            i / block.longest,
            angle[i, j] + 0.06 * rng.standard_normal(),
            length,
            width,
            np.ones(3, np.float32),
            turn=float(np.clip(turn[i, j], -limit, limit)),
            streak=0.0,
            ragged=0.1,
            point=0.95,
        )
    block.color *= (1 - fade(border * block.longest * 0.0016 * 2.5, 0.25, 0.6))[..., None]


def crooked_tree(block: Canvas, rng: Rng, x: float, foot: float) -> None:
    """A bare black tree that stands clear of its ground, with marks on its lit side and a few leaves."""
    wood: list[tuple[float, float, float, float]] = []
    leaves: list[tuple[float, float, float]] = []

    def grow(x: float, y: float, angle: float, length: float, width: float) -> None:
        """A branch as a chain of pieces (x, y, angle, width), then its two children or its leaves."""
        for _ in range(max(3, int(length / width * 1.5))):
            angle += rng.normal(0, 0.16)
            wood.append((x, y, angle, width))
            x, y, width = x + 0.7 * width * np.cos(angle), y + 0.7 * width * np.sin(angle), width * 0.985
        if width > 0.004:
            for side in (-1, 1):
                grow(x, y, angle + side * rng.uniform(0.3, 0.65), length * rng.uniform(0.66, 0.85), width * 0.66)
        else:
            leaves.extend((x + dx, y + dy, rng.uniform(0, 3.1)) for dx, dy in rng.normal(0, 0.015, (4, 2)))

    grow(x, foot, -1.45, 0.20, 0.036)
    block.regions = None
    black, white = np.zeros(3, np.float32), np.ones(3, np.float32)
    for color, halo in [(white, 0.008), (black, 0.0)]:
        for px, py, angle, width in wood:
            block.stroke(rng, px, py, angle, 2.6 * width + halo, 1.15 * width + halo, color, streak=0, ragged=0.2)
        for px, py, angle in leaves:
            block.stroke(rng, px, py, angle, 0.027 + halo, 0.012 + halo / 2, color, streak=0, point=0.9)
    for px, py, angle, width in wood:
        for _ in range(2):
            off, step, turn = rng.uniform(0.05, 0.45), rng.uniform(-0.4, 0.4), rng.normal(0, 0.12)
            qx = px + (step * np.cos(angle) - off * np.sin(angle)) * width
            qy = py + (step * np.sin(angle) + off * np.cos(angle)) * width
            block.stroke(rng, qx, qy, angle + turn, 0.9 * width, 0.13 * width, white, streak=0, point=0.9)
    for px, py, angle in leaves:
        block.stroke(rng, px, py, angle, 0.018, 0.0045, white, streak=0, point=0.9)


RANGES = [  # mountain ranges from far to near: height of the crest, relief, darkness, how deep the wash reaches
    (0.34, 0.050, 0.22, 0.10),
    (0.42, 0.075, 0.40, 0.14),
    (0.55, 0.085, 0.65, 0.15),
    (0.70, 0.060, 1.00, 0.20),
]


def mountain_washes(rng: Rng, x: Array, y: Array, bleed: Array, clouds: Array) -> tuple[Array, list[Array]]:
    """Ink (H, W) of the mountain ranges, dark at the crest and lost in mist below, and the crest lines, each (W)."""
    ink = np.zeros_like(x)  # how much ink lies on the paper: 0 none, 1 black
    crests = []
    for level, relief, dark, deep in RANGES:
        line = noise(rng, (x.shape[1], x.shape[1]), 0.42, 6)[x.shape[1] // 2]
        peak = np.exp(-(((x[0] - rng.uniform(0.15, 0.65)) / 0.14) ** 2))
        crest = level - relief * (0.75 * line + 1.5 * peak)
        crests.append(crest)
        below = y - crest + bleed
        fold = noise(rng, x.shape, 0.11, 5, stretch=0.5)
        wash = dark * np.exp(-np.clip(below, 0, 1) / deep) * np.clip(0.78 + 0.22 * fold, 0, 1.4)
        wash += 0.45 * dark * np.exp(-((below / 0.006) ** 2)) * fade(fold, -1.2, 0.6)  # ink gathers at the rim
        wash *= 1 - 0.8 * fade(below, 0.02, 0.9 * deep) * fade(clouds, -0.6, 0.6)
        ink = np.where(below > 0, ink * (1 - fade(below, 0.0, 0.012)) + wash * fade(below, 0, 0.004), ink)
    return ink, crests


def ink_mountains(size: int, rng: Rng) -> Image.Image:
    """Ink wash: mountains that rise out of mist, a few pines, a boat, and a vermilion sun and seal."""
    x, y = plane(size, 4 / 5)
    bleed = 0.004 * noise(rng, x.shape, 0.02, 3)
    clouds = noise(rng, x.shape, 0.25, 4, stretch=2)
    ink, crests = mountain_washes(rng, x, y, bleed, clouds)
    sheet = Canvas(np.repeat(ink[..., None], 3, -1))
    for crest, (_, relief, dark, _) in list(zip(crests, RANGES, strict=True))[1:]:
        texture_strokes(sheet, rng, crest, relief, dark)
    for at in [0.05, 0.10, 0.145, 0.50, 0.545, 0.585, 0.62, 0.70, 0.755]:
        pine(sheet, rng, at, crests[3][int(at * max(x.shape))] + 0.012, rng.uniform(0.06, 0.12))
    boat_and_birds(sheet, rng)
    ink = np.clip(sheet.color[..., 0], 0, 1)
    ink = np.maximum(0.55 * ink + 0.45 * blur(ink, 0.0012), 0.35 * blur(ink, 0.006))  # the paper drinks the ink

    fibre = noise(rng, x.shape, 0.018, 4, stretch=3) + 0.7 * noise(rng, x.shape, 0.004, 2)
    paper = colors("eee4cc")[0] * (1 + 0.016 * fibre + 0.03 * noise(rng, x.shape, 0.5, 2))[..., None]
    paper = mix(paper, colors("c8a878")[0], 0.35 * fade(np.hypot(x - 0.4, y - 0.5), 0.42, 0.72))
    grains = 1 + 0.10 * fibre * fade(ink, 0.05, 0.3) * fade(ink, 1, 0.5)
    tint = mix(colors("34302e")[0] * np.ones((*x.shape, 1), np.float32), colors("3f5560")[0], fade(ink, 0.6, 0.1))
    picture = mix(paper, tint, np.clip(0.97 * ink * grains, 0, 0.97))
    sun = np.hypot(x - 0.575, y - 0.155) + 0.35 * bleed
    wet = 0.80 * fade(sun, 0.062, 0.057) * (0.86 + 0.07 * fibre) + 0.15 * np.exp(-((sun - 0.058) ** 2) / 0.000008)
    picture = mix(picture, colors("c8402a")[0], np.clip(wet, 0, 1) * fade(clouds * 0.02 + y, 0.23, 0.14))
    return finished(seal(picture, x, y, fibre), size)


def texture_strokes(sheet: Canvas, rng: Rng, crest: Array, relief: float, dark: float) -> None:
    """Dry, slanted strokes that run down from the crest and give the rock its folds."""
    slope = np.gradient(blur(np.repeat(crest[None], 4, 0), 0.004)[0]) * sheet.longest
    for _ in range(650):
        column = int(rng.integers(0, len(crest)))
        below = abs(rng.normal(0, 0.9)) * relief
        tilt = np.arctan(1.1 * slope[column]) * 0.6 + np.pi / 2 - 0.5 * np.sign(slope[column]) + rng.normal(0, 0.25)
        sheet.stroke(
            rng,
            column / sheet.longest,
            crest[column] + 0.012 + below,
            tilt,
            rng.uniform(0.012, 0.05),
            rng.uniform(0.003, 0.009),
            np.full(3, dark * rng.uniform(0.6, 1.2), np.float32),
            dry=1.1,
            ragged=0.6,
            streak=0.12,
            opacity=float(0.75 * np.exp(-below / relief)),
            point=0.6,
            turn=rng.normal(0, 5) / sheet.longest,
        )


def pine(sheet: Canvas, rng: Rng, x: float, foot: float, height: float) -> None:
    """A pine: a bent trunk and tiers of short needle strokes."""
    black = np.full(3, 0.95, np.float32)
    lean = rng.normal(0, 0.12)
    for up in np.linspace(0, 1, 9):
        sheet.stroke(
            rng,
            x + lean * height * up,
            foot - height * up,
            -1.57 + lean,
            height * 0.22,
            0.006 * (1.3 - up),
            black,
            ragged=0.3,
        )
    for tier in np.linspace(0.25, 1.0, 6):
        wide = height * 0.42 * (1.25 - tier)
        for _ in range(34):
            dx = rng.uniform(-1, 1) * wide
            sheet.stroke(
                rng,
                x + lean * height * tier + dx,
                foot - height * tier + 0.25 * abs(dx) + rng.normal(0, 0.003),
                rng.normal(-1.57, 0.5) + 2.2 * dx / wide * 0.4,
                0.013,
                0.0022,
                black * rng.uniform(0.5, 1.05),
                point=0.8,
                opacity=0.8,
            )


def boat_and_birds(sheet: Canvas, rng: Rng) -> None:
    """A fishing boat on still water in front of the mountains, and a few birds."""
    black = np.full(3, 0.9, np.float32)
    for row in range(3):
        sheet.stroke(
            rng,
            0.30,
            0.905 + 0.005 * row,
            0.0,
            0.12 - 0.02 * row,
            0.008,
            black,
            ragged=0.2,
            dry=0.3,
            point=0.9,
            turn=-0.25 / (0.12 * sheet.longest),
        )
    sheet.stroke(rng, 0.315, 0.88, -1.5, 0.04, 0.011, black * 0.8, ragged=0.3, point=0.9)  # the fisherman
    sheet.stroke(rng, 0.315, 0.862, 0.1, 0.026, 0.007, black, point=0.9)  # his hat
    sheet.stroke(rng, 0.375, 0.875, -0.5, 0.12, 0.0022, black, turn=0.12 / (0.12 * sheet.longest))  # his rod
    for _ in range(26):
        x, y = rng.uniform(0.02, 0.78), rng.uniform(0.90, 0.985)
        sheet.stroke(rng, x, y, 0.0, rng.uniform(0.04, 0.14), 0.0026, black * 0.4, dry=1.2, opacity=0.5, ragged=0.6)
    for x, y, scale in [(0.20, 0.17, 1.0), (0.25, 0.145, 0.8), (0.275, 0.18, 0.65), (0.32, 0.155, 0.5)]:
        for side in (-1, 1):
            sheet.stroke(rng, x + side * 0.009 * scale, y, side * -0.45, 0.022 * scale, 0.0035 * scale, black, point=0.9)


def seal(picture: Array, x: Array, y: Array, fibre: Array) -> Array:
    """The picture with a red seal near its right edge: a peak over three waves, unevenly printed."""
    u, v = (x - 0.715) / 0.027, (y - 0.80) / 0.036
    box = np.maximum(np.abs(u), np.abs(v)) + 0.04 * fibre
    peak = np.abs(v + 0.62 - 1.1 * np.abs(u)) * (v < 0.1)
    waves = np.abs((v * 3.2 + 0.25 * np.sin(9 * u)) % 1 - 0.5)
    cut = (box < 0.78) & np.where(v < 0.1, (peak < 0.13) & (v > -0.75), waves < 0.17)
    stamp = fade(box, 1.02, 0.95) * ~cut * (0.8 + 0.15 * fibre)
    return mix(picture, colors("b8301f")[0], np.clip(stamp, 0, 0.95))


CREST = np.array(
    [  # one breaking wave, about 1 x 1: up its back, over the curl to the tip, and down the hollow front
        [0, 0],
        [0.17, 0.10],
        [0.34, 0.30],
        [0.48, 0.56],
        [0.60, 0.80],
        [0.74, 0.96],
        [0.90, 1.0],
        [1.04, 0.92],
        [1.12, 0.78],
        [1.14, 0.66],
        [1.05, 0.74],
        [0.95, 0.76],
        [0.86, 0.70],
        [0.80, 0.56],
        [0.80, 0.40],
        [0.87, 0.22],
        [1.0, 0.08],
        [1.15, 0],
    ]
)
CREST_TIP = 9  # the row of CREST where the back ends and the hollow front begins


def spline(points: Array, count: int) -> Array:
    """A smooth line (count, 2) through points (N, 2)."""
    # Catmull-Rom: each piece is a cubic through its two middle points, with the slope of their neighbours.
    ends = np.concatenate([[2 * points[0] - points[1]], points, [2 * points[-1] - points[-2]]])
    t = np.linspace(0, len(points) - 1.0001, count)
    i, f = t.astype(int), (t % 1)[:, None]
    a, b, c, d = (ends[i + k] for k in range(4))
    return b + 0.5 * f * (c - a + f * (2 * a - 5 * b + 4 * c - d + f * (3 * (b - c) + d - a)))


def indigo_waves(size: int, rng: Rng) -> Image.Image:
    """Woodblock print: rows of breaking waves in indigo, foam, a red sun behind bands of cloud."""
    x, y = plane(size, 4 / 3)
    height, width = x.shape
    wood = noise(rng, x.shape, 0.05, 3, stretch=14) + 0.5 * noise(rng, x.shape, 0.006, 2, stretch=20)
    fibre = noise(rng, x.shape, 0.012, 3, stretch=2)
    paper = colors("f0e3c4")[0] * (1 + 0.014 * fibre + 0.02 * noise(rng, x.shape, 0.4, 2))[..., None]
    sky = mix(paper, colors("2f5f86")[0], 0.85 * fade(y, 0.17, -0.03) * (0.9 + 0.10 * wood))
    sky = mix(sky, colors("e59a78")[0], 0.6 * np.exp(-(((y - 0.40) / 0.11) ** 2)) * (0.9 + 0.1 * wood))
    disc = fade(np.hypot(x - 0.70, y - 0.235), 0.098, 0.0965)
    sky = mix(sky, colors("c83a2a")[0], disc * (0.90 + 0.07 * wood))
    clouds = [(0.235, 0.50, 0.76), (0.262, 0.60, 0.95), (0.115, -0.2, 0.28), (0.142, -0.2, 0.17), (0.30, 0.34, 0.62)]
    for level, start, stop in clouds:
        far = np.hypot(np.maximum(np.maximum(start - x, x - stop), 0), y - level + 0.0006 * fibre) / 0.0125
        sky = mix(sky, paper, fade(far, 1.05, 0.98))
        sky = mix(sky, colors("24436b")[0], 0.75 * fade(np.abs(far - 1.03), 0.13, 0.05))

    picture = sky
    rows = [
        (0.41, 0.11, "7fa8b4 4f86a4", 0.60),
        (0.49, 0.17, "5a94ac 2c6390", 0.75),
        (0.59, 0.23, "3f7fa6 1c4678", 0.90),
        (0.71, 0.25, "2f6d9c 12305f", 1.00),
    ]
    for level, tall, palette, strength in rows:
        wash, line, foam = wave_row(rng, width, height, level, tall)
        tone = np.clip((y - level + tall) / (1.15 * tall) + 0.06 * wood + 0.04 * fibre, 0, 1)
        body = ramp(tone, colors(palette)) * (1 + 0.035 * wood)[..., None]
        picture = mix(picture, body, fade(wash[0], 0.3, 0.6))
        picture = mix(picture, colors("13294f")[0], 0.80 * strength * wash[1] * (0.88 + 0.1 * wood))
        picture = mix(picture, colors("b9d3cf")[0], 0.85 * wash[2])
        picture = mix(picture, paper * 1.02, foam)
        picture = mix(picture, colors("10203f")[0], np.clip(line * (0.93 + 0.06 * fibre), 0, 1) * strength)
    gaps = fade(noise(rng, x.shape, 0.004, 2) + 0.5 * fibre, 2.1, 2.8)
    picture = mix(picture, paper, 0.7 * gaps)  # where the paper did not take the ink
    edge = margin(x, y) + 0.0008 * fibre
    picture = mix(picture, colors("10203f")[0], 0.9 * fade(edge, 0.018, 0.0165))
    return finished(mix(picture, paper, fade(edge, 0.0155, 0.0145)), size)


def wave_row(rng: Rng, width: int, height: int, level: float, tall: float) -> tuple[list[Array], Array, Array]:
    """One row of waves: [body, dark stripes, pale stripes], outlines, and foam, each (height, width) in [0, 1]."""
    layers = [Image.new("L", (width, height)) for _ in range(5)]
    body, dark, pale, line, foam = (ImageDraw.Draw(layer) for layer in layers)
    pen = max(1, round(width / 420))
    at = -rng.uniform(0.2, 0.9) * tall
    body.rectangle((0, level * width, width, height), fill=255)
    while at < 1.05:
        scale = np.array([tall * rng.uniform(0.95, 1.35), -tall * rng.uniform(0.7, 1.1)])
        shape = (CREST + 0.012 * rng.standard_normal(CREST.shape) * (CREST[:, 1:] > 0)) * scale + [at, level]
        back, front = spline(shape[: CREST_TIP + 1], 60) * width, spline(shape[CREST_TIP:][::-1], 60) * width
        body.polygon([tuple(p) for p in np.concatenate([back, front[::-1]])], fill=255)
        for k, share in enumerate(np.linspace(0.10, 0.93, 9)):
            rib = back + (front - back) * (share + 0.03 * np.sin(np.linspace(0, 6, 60)))[:, None]
            taper = np.sin(np.linspace(0.15, 3.0, 60)) * (1.6 if k % 2 else 0.8) * tall / 0.25
            brush_line(pale if k % 3 == 2 else dark, rib[: 56 - k], taper[: 56 - k] * pen)
        for line_points in (back, front):
            brush_line(line, line_points, pen * (0.55 + 0.35 * np.sin(np.linspace(0, 9, 60))))
        froth(rng, foam, line, back, front, tall * width, pen)
        at += scale[0] * rng.uniform(0.72, 1.0)
    for _ in range(26):  # long ripples in front of the row
        start, long = rng.uniform(-0.1, 1.0), rng.uniform(0.06, 0.25)
        t = np.linspace(0, 1, 40)
        down = level + tall * rng.uniform(0.05, 0.9) + 0.012 * np.sin(9 * t + start * 20)
        brush_line(
            dark if rng.random() < 0.7 else pale,
            np.stack([start + long * t, down], 1) * width,
            np.sin(np.pi * t) * pen * 1.5,
        )
    masks: list[Array] = [np.asarray(layer, np.float32) / 255 for layer in layers]
    return masks[:3], masks[3], masks[4]


def brush_line(draw: ImageDraw.ImageDraw, points: Array, radius: Array) -> None:
    """A line (N, 2) in pixels whose half width (N) swells and thins."""
    for (x0, y0), (x1, y1), r in zip(points[:-1], points[1:], np.broadcast_to(radius, len(points)), strict=False):
        draw.line((x0, y0, x1, y1), fill=255, width=max(1, round(2 * r)))
        draw.ellipse((x1 - r, y1 - r, x1 + r, y1 + r), fill=255)


def froth(
    rng: Rng, foam: ImageDraw.ImageDraw, line: ImageDraw.ImageDraw, back: Array, front: Array, tall: float, pen: int
) -> None:
    """Lobes of foam on the crest, fingers of foam at its tip, and flying drops. front runs from below to the tip."""
    lobes = []
    for t in np.linspace(0.36, 1.0, 30):
        x, y = back[int(t * 59)] + rng.normal(0, 0.012 * tall, 2)
        lobes.append((x, y, tall * (0.012 + 0.042 * t) * rng.uniform(0.55, 1.3)))
    for t in np.linspace(1.0, 0.62, 11):
        x, y = front[int(t * 59)] + rng.normal(0, 0.012 * tall, 2)
        lobes.append((x, y, tall * (0.012 + 0.05 * (t - 0.6)) * rng.uniform(0.7, 1.3)))
        for step in range(1, 4):  # a finger: ever smaller lobes that reach forward and down
            dx, dy = step * tall * rng.uniform([0.007, 0.015], [0.029, 0.036])
            lobes.append((x + dx, y + dy, tall * 0.024 / (0.6 + 0.5 * step)))
    for _ in range(34):
        x, y = back[int(rng.uniform(0.72, 1) * 59)] + np.abs(rng.normal(0, 0.16, 2)) * tall * [1, -1]
        lobes.append((x, y, tall * rng.uniform(0.004, 0.013)))
    for draw, ink, halo in [(line, 255, 0.75 * pen), (line, 0, 0.0), (foam, 255, 0.0)]:
        for x, y, r in lobes:
            draw.ellipse((x - r - halo, y - r - halo, x + r + halo, y + r + halo), fill=ink)


# Photographs

# name here: (function of skimage.data, crop as left, top, right, bottom in fractions)
PHOTOS = {
    "astronaut": ("astronaut", (0.0, 0.0, 0.9, 0.9)),
    "cat": ("chelsea", (0.0, 0.0, 1.0, 1.0)),
    "coffee": ("coffee", (0.0, 0.0, 1.0, 1.0)),
    "photographer": ("camera", (0.0, 0.05, 1.0, 0.95)),
    "rocket": ("rocket", (0.0, 0.0, 1.0, 1.0)),
}


def photo(name: str, size: int = 640) -> Image.Image:
    """The photograph of this name out of scikit-image's own package, cropped, its longest side size pixels."""
    from skimage import data  # not a dependency of the project: only who remakes the photographs needs it

    source, (left, top, right, bottom) = PHOTOS[name]
    image = Image.fromarray(getattr(data, source)()).convert("RGB")
    image = image.crop((left * image.width, top * image.height, right * image.width, bottom * image.height))
    scale = size / max(image.size)
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)


# The pictures, and the command line

ARTWORKS: dict[str, Callable[[int, Rng], Image.Image]] = {
    "autumn-birches": autumn_birches,
    "guitar-in-planes": guitar_in_planes,
    "harbour-night": harbour_night,
    "indigo-waves": indigo_waves,
    "ink-mountains": ink_mountains,
    "orchard-linocut": orchard_linocut,
    "river-in-dots": river_in_dots,
    "stained-glass": stained_glass,
}


def paint(name: str, size: int = 640) -> Image.Image:
    """The artwork of this name, its longest side size pixels. The same call gives the same picture."""
    return ARTWORKS[name](size, np.random.default_rng(list(name.encode())))


def save(image: Image.Image, target: Path) -> None:
    """Write a JPEG, with its folder if need be."""
    target.parent.mkdir(parents=True, exist_ok=True)
    image.save(target, quality=90, optimize=True)


def main() -> None:
    """Write the pictures that the command line asks for."""
    parser = argparse.ArgumentParser(description="Paint the sample artworks, and cut the sample photographs.")
    parser.add_argument("names", nargs="*", help=f"which artworks; all, if none is named: {', '.join(ARTWORKS)}")
    parser.add_argument("--photos", action="store_true", help="the photographs too (needs scikit-image)")
    parser.add_argument("--size", type=int, default=640, help="pixels of the longest side")
    parser.add_argument("--out", type=Path, default=HERE, help="folder that gets artworks/ and photos/")
    asked = parser.parse_args()
    unknown = set(asked.names) - set(ARTWORKS)
    if unknown:
        parser.error(f"no such artwork: {', '.join(sorted(unknown))}")
    for name in asked.names or ARTWORKS:
        save(paint(name, asked.size), asked.out / "artworks" / f"{name}.jpg")
    for name in PHOTOS if asked.photos else ():
        save(photo(name, asked.size), asked.out / "photos" / f"{name}.jpg")


if __name__ == "__main__":
    main()
