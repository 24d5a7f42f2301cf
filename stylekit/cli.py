"""The command line: `python -m stylekit stylize CONTENT STYLE [STYLE ...] -o OUT.png`. Its options are Recipe's fields.

Exit status: 0 painted; 1 the world failed; 2 asked wrongly; 130 interrupted, with the last picture saved.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import Field, fields, replace
from pathlib import Path
from typing import Any, NoReturn

from stylekit import __version__
from stylekit.encoders import Encoder, load_encoder, vgg19
from stylekit.errors import PictureError, RecipeError, StylekitError, UsageError
from stylekit.images import WRITABLE, Picture, open_picture, read_recipe_json, save_picture
from stylekit.presets import PRESETS
from stylekit.recipe import Recipe
from stylekit.transfer import Frame, stylize

INTERRUPTED = 130
"""128 + SIGINT's number, as shells expect it."""


class Parser(argparse.ArgumentParser):
    """argparse that says what is wrong in one sentence, without the usage."""

    def error(self, message: str) -> NoReturn:
        """Print the sentence and exit with status 2."""
        self.exit(2, f"stylekit: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    args = parser().parse_args(arguments)
    try:
        if args.command == "presets":
            return list_presets(args.json)
        return paint(args, recipe_of(args))
    except StylekitError as error:
        print(f"stylekit: error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1


# ------------------------------------------------------------------------------------------------------ the options


def parser() -> Parser:
    """The command line's grammar."""
    top = Parser(prog="stylekit", description="Paint photos in the style of artworks.")
    top.add_argument("--version", action="version", version=f"stylekit {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    presets = commands.add_parser("presets", help="list the named recipes")
    presets.add_argument("--json", action="store_true", help="one JSON object per line")
    command = commands.add_parser("stylize", help="paint one photo in the style of one or more artworks")
    command.add_argument("content", metavar="CONTENT", help="the photo")
    command.add_argument("styles", metavar="STYLE", nargs="+", help="an artwork; several count equally")
    command.add_argument("-o", "--out", metavar="OUT", required=True, help=f"the result ({', '.join(WRITABLE)})")
    source = command.add_mutually_exclusive_group()
    source.add_argument("--recipe", metavar="FILE", help="settings of a picture that stylekit saved, or of a .json file")
    source.add_argument("--preset", metavar="NAME", choices=PRESETS, help="a named recipe: " + ", ".join(PRESETS))
    command.add_argument("--start", metavar="FILE", help="the picture that init image begins with")
    command.add_argument("--device", metavar="NAME", help="cpu, cuda or mps (default: the fastest there is)")
    command.add_argument("--json", action="store_true", help="one JSON object per line on stdout, for programs")
    command.add_argument("--quiet", action="store_true", help="no progress and no notes")
    settings = command.add_argument_group("settings")
    for f in fields(Recipe):
        _add_option(settings, f)
    return top


def _add_option(group: Any, f: Field[Any]) -> None:
    """The option of a field of Recipe; None where it was not given, so that a recipe file may speak."""
    text = f.metadata["help"].replace("%", "%%")
    if f.name == "layer_weights":
        group.add_argument(
            "--layer-weight", metavar="LAYER=WEIGHT", nargs="+", action="extend", type=_layer_weight, help=f"{text} (repeatable)"
        )
        return
    if "choices" in f.metadata:
        text += f" One of {', '.join(f.metadata['choices'])}."
    kind = type(f.default)
    group.add_argument(
        f"--{f.name.replace('_', '-')}", metavar=kind.__name__.upper(), type=kind, help=f"{text} (default: {f.default})"
    )


def _layer_weight(text: str) -> tuple[str, float]:
    layer, _, weight = text.partition("=")
    try:
        return layer, float(weight)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} must look like relu3_1=0.5") from None


def recipe_of(args: argparse.Namespace) -> Recipe:
    """The recipe of a file or preset, with the options that were given; raises RecipeError and PictureError."""
    if args.recipe:
        recipe = Recipe.from_json(read_recipe_json(args.recipe))
    else:
        recipe = PRESETS[args.preset].recipe() if args.preset else Recipe()
    given = {f.name: getattr(args, f.name) for f in fields(Recipe) if getattr(args, f.name, None) is not None}
    if args.layer_weight:
        given["layer_weights"] = {**recipe.layer_weights, **dict(args.layer_weight)}
    if args.start:
        if given.get("init", "image") != "image":
            raise RecipeError("--start is the picture that init image begins with; leave out --init, or --start.")
        given["init"] = "image"
    elif given.get("init", recipe.init) == "image":
        raise RecipeError("Init image needs the picture to begin with: add --start FILE, or another --init.")
    return replace(recipe, **given)


def list_presets(as_json: bool) -> int:
    """Print the named recipes."""
    for preset in PRESETS.values():
        if as_json:
            facts = {"name": preset.name, "title": preset.title, "description": preset.description}
            print(json.dumps(facts | {"recipe": json.loads(preset.recipe().to_json())}))
        else:
            print(f"{preset.name:10} {preset.title}: {preset.description}")
    return 0


# ------------------------------------------------------------------------------------------------------ the painting


def paint(args: argparse.Namespace, recipe: Recipe) -> int:
    """Carry out `stylize`; returns the exit status. Raises StylekitError before or after the last picture was saved."""
    out = _checked_out(args.out)
    report = Report(args, out)
    content = _opened(args.content, recipe, report)
    styles = [_opened(path, recipe, report).image for path in args.styles]
    start = open_picture(args.start).image if args.start else None
    encoder = _encoder(recipe, args.device, report)
    status, last, failure = 0, None, None
    try:
        for frame in stylize(content.image, styles, recipe, encoder=encoder, start=start):
            last = frame
            report.frame(frame)
    except KeyboardInterrupt:
        status = INTERRUPTED
    except (StylekitError, RuntimeError) as error:  # RuntimeError: torch's, such as no memory left
        failure = error
    if last is not None and (failure is None or last.step):
        save_picture(out, last.image, alpha=content.alpha, recipe_json=recipe.to_json())
        report.done(last, encoder, interrupted=status == INTERRUPTED)
    if isinstance(failure, StylekitError):
        raise failure
    if failure:
        print(f"stylekit: error: The computation failed ({str(failure).splitlines()[0]}); try a smaller size.", file=sys.stderr)
        return 1
    return status


def _checked_out(text: str) -> Path:
    """The path to write to; raises PictureError now for what would fail after minutes of painting."""
    out = Path(text)
    if out.suffix.lower() not in WRITABLE:
        raise PictureError(f"The output's extension names no format that can be saved; use {', '.join(WRITABLE)}.")
    if not out.parent.is_dir():
        raise PictureError("The folder to save in does not exist; make it first or choose another.")
    if out.is_dir():
        raise PictureError("A folder has the output's name already; choose another name.")
    try:
        probe = out.parent / f".{out.name}.{time.time_ns()}.probe"
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise PictureError("The folder to save in may not be written to; choose another.") from error
    return out


def _opened(path: str, recipe: Recipe, report: "Report") -> Picture:
    try:
        picture = open_picture(path, recipe.size)
    except PictureError as error:
        raise PictureError(f"{Path(path).name}: {error}") from error
    report.note(f"{Path(path).name}: {picture.note}" if picture.note else "")
    return picture


def _encoder(recipe: Recipe, device: str | None, report: "Report") -> Encoder:
    """The recipe's encoder; its weights are fetched first if they are VGG-19's and not here."""
    if recipe.encoder == "vgg19" and vgg19.find_weights() is None:
        for done, total in vgg19.download():
            report.line(f"fetching VGG-19's weights: {done >> 20} of {total >> 20} MB")
        report.line("")
    try:
        return load_encoder(recipe.encoder, device)
    except (RuntimeError, AssertionError) as error:
        raise RecipeError(f"There is no device {device!r} here; leave out --device to use the fastest there is.") from error


class Report:
    """What is told while it paints: JSON lines on stdout, or progress on a terminal's stderr."""

    def __init__(self, args: argparse.Namespace, out: Path) -> None:
        self.json, self.quiet, self.out = args.json, args.quiet or args.json, out

    def note(self, text: str) -> None:
        """A sentence for people."""
        if text and not self.quiet:
            print(text, file=sys.stderr)

    def line(self, text: str) -> None:
        """Progress: replaces the line before, on a terminal."""
        if not self.quiet and sys.stderr.isatty():
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def frame(self, frame: Frame) -> None:
        """A step was taken."""
        if self.json:
            losses = dict.fromkeys(("content", "style", "tv", *frame.weights.layers)) | frame.losses
            event = {"event": "frame", "step": frame.step, "steps": frame.steps, "level": frame.level}
            print(json.dumps(event | {"seconds": round(frame.seconds, 4), "losses": losses}), flush=True)
            return
        speed = frame.step / frame.seconds if frame.seconds else 0.0
        size = f"{frame.image.shape[3]}x{frame.image.shape[2]}"
        bar = ("#" * (24 * frame.step // frame.steps)).ljust(24, "-")
        self.line(f"[{bar}] step {frame.step} of {frame.steps}, {size}, {speed:.1f} steps/s")

    def done(self, last: Frame, encoder: Encoder, interrupted: bool) -> None:
        """The picture is saved."""
        height, width = last.image.shape[2:]
        if self.json:
            event = {"event": "done", "out": str(self.out), "width": width, "height": height, "steps": last.step}
            event |= {"seconds": round(last.seconds, 4), "device": str(encoder.device), "encoder": encoder.name}
            print(json.dumps(event | ({"interrupted": True} if interrupted else {})), flush=True)
            return
        self.line("")
        how = f"stopped at step {last.step} of {last.steps}" if last.step < last.steps else f"{last.steps} steps"
        self.note(f"{self.out}: {width}x{height}, {how} in {last.seconds:.1f} s on {encoder.device}")
