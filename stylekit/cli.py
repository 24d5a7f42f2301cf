"""The command line: `stylekit stylize CONTENT STYLE -o OUT.png` and its like; their options are Recipe's fields.

Exit status: 0 painted; 1 the world failed; 2 asked wrongly; 130 interrupted, 143 terminated. Whatever ends a painting after
its first step, the last picture is saved; in the temporary folder, if there is no room where it was to go. What needs torch is
imported where it is used, so that help and refusals come at once.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from stylekit import __version__
from stylekit.errors import PictureError, RecipeError, StylekitError, UsageError
from stylekit.memory import keep_freed
from stylekit.presets import PRESETS, Preset, preset_named
from stylekit.recipe import (
    EDGES,
    MOST_STYLES,
    SETTINGS,
    Choice,
    Number,
    PerArtwork,
    Performance,
    PerLayer,
    Recipe,
    Setting,
    Switch,
)
from stylekit.studio.progress import Progress
from stylekit.threads import limit_threads

if TYPE_CHECKING:
    from fractions import Fraction

    from PIL.Image import Image
    from torch import Tensor

    from stylekit.afar import Painted
    from stylekit.clip import Camera, Clip
    from stylekit.encoders import Encoder
    from stylekit.objective import Masks
    from stylekit.pictures import Picture
    from stylekit.reel import Reel
    from stylekit.sweep import Cell
    from stylekit.transfer import Frame
    from stylekit.video import Video

SEEN = ("encoder", "statistic", "pooling", "padding", "seed")
"""The settings that change what a layer sees."""
DEVICES = ("cpu", "cuda", "mps")
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Ctrl-C, the system's wish to end us, and the terminal's window closed (which Windows does not have)."""
T = TypeVar("T")


class Parser(argparse.ArgumentParser):
    """argparse that says what is wrong in one sentence, without the usage."""

    def error(self, message: str) -> NoReturn:
        """Print the sentence and exit with status 2."""
        self.exit(_complain(message, 2))

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Exit once all that was printed has arrived; raises OSError if it has not."""
        _tell(message or "", end="")
        sys.stdout.flush()
        sys.exit(status)

    def print_help(self, file: Any = None) -> None:
        """Print the help; raises OSError, which argparse would hide."""
        print(self.format_help(), end="", file=file)

    def format_help(self) -> str:
        """The help, with question marks for letters (α) that the terminal or pipe cannot write."""
        encoding = sys.stdout.encoding or "utf-8"
        return super().format_help().encode(encoding, "replace").decode(encoding)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    _open_closed()
    try:
        status = _obey(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt as stop:
        _tell(_clear(), end="")
        return 128 + int(stop.args[0] if stop.args else signal.SIGINT)  # as shells expect it
    except OSError as error:  # stdout: whoever read our lines has left, or its disk is full
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # at the exit Python would try to write the rest
        return 1 if isinstance(error, BrokenPipeError) else _complain(f"The output ended ({error.strerror}).", 1)
    except StylekitError as error:
        return _complain(str(error), 2 if isinstance(error, UsageError) else 1)
    except (RuntimeError, MemoryError) as error:  # RuntimeError: torch's, such as no memory left
        why = next(iter(str(error).splitlines()), type(error).__name__)
        return _complain(f"The computation failed ({why}); try a smaller size.", 1)


def _obey(arguments: Sequence[str]) -> int:
    if not arguments:
        _tell(parser().format_help(), end="")
        return 2
    args = parser().parse_args(arguments)
    if args.command == "presets":
        return list_presets(args.json)
    if args.command == "inside":
        return inside(args)
    if args.command == "augment":
        return augment(args)
    if args.command == "video":
        return video(args)
    return {"stylize": paint, "sweep": sweep}[args.command](args, recipe_of(args))


@contextlib.contextmanager
def _handled(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Meanwhile, `handler` is called by SIGNALS; what the shell switched off (nohup; a job in the background) stays off."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    chosen = [number for number, its in before.items() if its not in (signal.SIG_IGN, None)]
    for number in chosen:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in chosen:
            signal.signal(number, before[number])


def _interrupt(number: int, _: object) -> NoReturn:
    """A signal handler: everything ends a painting like Ctrl-C."""
    raise KeyboardInterrupt(number)


@contextlib.contextmanager
def _noted() -> Iterator[list[int]]:
    """Note the first of SIGNALS: raised anywhere in a step, Python may lose it. The second one is raised at once."""
    caught: list[int] = []

    def note(number: int, _: object) -> None:
        if caught:
            _interrupt(number, _)
        caught.append(number)

    with _handled(note):
        yield caught


def _open_closed() -> None:
    """Let what is printed go nowhere where a stream is closed: Python has None for it, and the next file would get its number."""
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, number)
            if null != number:
                os.close(null)
            setattr(sys, name, os.fdopen(number, "w"))


def _tell(text: str, end: str = "\n") -> None:
    """Write for people, on stderr. Where its disk is full or its terminal gone, nobody reads it: no reason to end a painting."""
    try:
        print(text, end=end, file=sys.stderr, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def _complain(sentence: str, status: int) -> int:
    """Tell what went wrong, in place of a progress line if there is one; returns `status`."""
    _tell(f"{_clear()}stylekit: error: {sentence}")
    return status


def _clear() -> str:
    """What empties the line of a terminal."""
    return "\r\x1b[K" if sys.stderr.isatty() else ""


# ------------------------------------------------------------------------------------------------------ the options


def parser() -> Parser:
    """The command line's grammar."""
    top = Parser(prog="stylekit", description="Paint photos in the style of artworks.", allow_abbrev=False)
    top.add_argument("--version", action="version", version=f"stylekit {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    presets = commands.add_parser("presets", help="list the named recipes")
    presets.add_argument("--json", action="store_true", help="one JSON object per line")
    # Without abbreviations: --st would change its meaning with the next field that begins so.
    command = commands.add_parser("stylize", help="paint one photo in the style of one or more artworks", allow_abbrev=False)
    _add_arguments(command)
    _add_film(command)
    _add_settings(command)
    command = commands.add_parser("sweep", help="paint a contact sheet, small, of one or two settings varied", allow_abbrev=False)
    _add_arguments(command)
    example = "such as style_weight=1,5,25; a layer by its name, such as relu5_1=0,1,3"
    command.add_argument("--rows", metavar="SETTING=VALUES", required=True, help=f"what changes from row to row, {example}")
    command.add_argument("--columns", metavar="SETTING=VALUES", help="what changes from column to column")
    _add_settings(command)
    said = "paint a folder of photos in the style of a folder of artworks, as training data"
    command = commands.add_parser("augment", help=said, allow_abbrev=False)
    command.add_argument("photos", metavar="PHOTOS", help="a folder of photos, in folders of classes if you like")
    command.add_argument("artworks", metavar="ARTWORKS", help="a folder of artworks")
    command.add_argument("out", metavar="OUT", help="the folder for the results, and for their manifest.jsonl")
    command.add_argument("--per-photo", metavar="N", type=int, default=1, help="variants of each photo (default: 1)")
    said_of_jitter = (
        "0 = all alike; 1 = style weights from a quarter to four times the recipe's, crops of half a side (default: 0)"
    )
    command.add_argument("--jitter", metavar="SHARE", type=float, default=0.0, help=said_of_jitter)
    command.add_argument("--format", metavar="EXTENSION", choices=("png", "jpg", "webp"), default="png", help="png, jpg or webp")
    command.add_argument("--resume", action="store_true", help="go on with results that are there already")
    _add_engine(command)
    source = command.add_mutually_exclusive_group()
    source.add_argument("--recipe", metavar="FILE", help="settings of a picture that stylekit saved, or of a .json file")
    source.add_argument("--preset", metavar="NAME", type=_preset, help="a named recipe: " + ", ".join(PRESETS))
    _add_common(command)
    _add_settings(command)
    _add_video(
        commands.add_parser("video", help="paint a clip, or a photo that a camera moves over, as a film", allow_abbrev=False)
    )
    said = "paint the photo from each layer alone, and the artwork from the first layers alone: what a layer sees"
    command = commands.add_parser("inside", help=said, allow_abbrev=False)
    _add_ends(command)
    command.add_argument("style", metavar="STYLE", help="the artwork")
    _add_common(command)
    settings = command.add_argument_group("settings")
    settings.add_argument("--size", metavar="NUMBER", type=int, help="longest side of each picture, in pixels (default: 128)")
    settings.add_argument("--steps", metavar="NUMBER", type=int, help="how many times each is improved (default: 40)")
    for name in SEEN:
        _add_option(settings, name, SETTINGS[name])
    return top


def _add_settings(command: Parser) -> None:
    """Every setting of a recipe."""
    settings = command.add_argument_group("settings")
    for name, described in SETTINGS.items():
        _add_option(settings, name, described)


def _add_arguments(command: Parser) -> None:
    """What `stylize`, `sweep` and `inside` take besides the fields of Recipe."""
    _add_ends(command)
    command.add_argument("styles", metavar="STYLE", nargs="+", help=f"an artwork; up to {MOST_STYLES}")
    source = command.add_mutually_exclusive_group()
    source.add_argument("--recipe", metavar="FILE", help="settings of a picture that stylekit saved, or of a .json file")
    source.add_argument("--preset", metavar="NAME", type=_preset, help="a named recipe: " + ", ".join(PRESETS))
    command.add_argument("--start", metavar="FILE", help="the picture that init image begins with")
    command.add_argument("--palette", metavar="FILE", help="the picture whose colours are brought back in place of the photo's")
    command.add_argument(
        "--content-mask",
        metavar="FILE",
        nargs="+",
        help="where each artwork applies on the photo: white here, black not; or none",
    )
    command.add_argument(
        "--style-mask", metavar="FILE", nargs="+", help="the part of each artwork that is looked at: white; or none"
    )
    command.add_argument("--keep", metavar="FILE", help="where the photo stays as it is: white")
    command.add_argument(
        "--as-on-page",
        action="store_true",
        help="open artworks, palette and start as large as the page does, so that its pictures are repeated bit for bit",
    )
    _add_common(command)


def _add_ends(command: Parser) -> None:
    """Where it begins and where it leads to."""
    command.add_argument("content", metavar="CONTENT", help="the photo")
    command.add_argument(
        "-o", "--out", metavar="OUT", required=True, help="the result; its extension names the format, such as .png or .jpg"
    )


def _add_common(command: Parser) -> None:
    """Where it is computed, and what is told of it."""
    command.add_argument(
        "--device", metavar="NAME", type=_device, help=f"{', '.join(DEVICES)} or such as cuda:1 (default: the fastest there is)"
    )
    command.add_argument("--json", action="store_true", help="one JSON object per line on stdout, for programs")
    command.add_argument("--quiet", action="store_true", help="no progress and no notes")


def _add_film(command: Parser) -> None:
    """What `stylize` keeps of the run besides its last picture."""
    command.add_argument("--card", metavar="FILE", help="also save a card: the painting, what it was made of and its settings")
    command.add_argument("--keep-every", metavar="N", type=int, help="also save OUT-STEP.png every N steps, recipes inside")
    film = command.add_argument_group("film")
    film.add_argument("--film", metavar="FILE", help="a time-lapse, evened so that equal times show equal change: .mp4 or .webp")
    film.add_argument("--film-seconds", metavar="NUMBER", type=float, help="its length (default: 10)")
    film.add_argument("--film-size", metavar="NUMBER", type=int, help="its longest side (default: the painting's, up to 1080)")
    film.add_argument("--film-sliders", action="store_true", default=None, help="draw in how the weights are turned")
    film.add_argument("--film-loop", action="store_true", default=None, help="from the photo to the painting and back")


def _add_engine(command: Parser) -> None:
    """Which machines paint many pictures."""
    said = "this machine (local, default), or those of a Ray cluster, which RAY_ADDRESS names (ray)"
    command.add_argument("--engine", choices=("local", "ray"), default="local", help=said)
    said = "how much is painted at a time, with one thread each (default: one per core, or what the cluster has room for)"
    command.add_argument("--workers", metavar="N", type=int, help=said)


def _add_video(command: Parser) -> None:
    """What `video` takes."""
    _add_ends(command)
    command.add_argument("styles", metavar="STYLE", nargs="+", help=f"an artwork; up to {MOST_STYLES}")
    source = command.add_mutually_exclusive_group()
    source.add_argument("--recipe", metavar="FILE", help="settings of a picture that stylekit saved, or of a .json file")
    source.add_argument("--preset", metavar="NAME", type=_preset, help="a named recipe: " + ", ".join(PRESETS))
    command.add_argument("--from", dest="begin", metavar="S", type=float, default=0.0, help="where to begin, in seconds")
    command.add_argument("--to", dest="end", metavar="S", type=float, help="where to end, in seconds (default: its end)")
    command.add_argument("--steps-per-frame", metavar="N", type=int, help="how many times each picture is improved (default: 8)")
    command.add_argument(
        "--hold", metavar="NAME", help="what holds a picture to those before: flow (default), difference or none"
    )
    command.add_argument("--temporal-weight", metavar="NUMBER", type=float, help="how strongly (default: 2)")
    said = "what a setting is at a moment, such as --at 0:style_weight=2 5:style_weight=20; it glides from one to the next"
    command.add_argument("--at", metavar="S:SETTING=NUMBER", nargs="+", action="extend", help=said)
    command.add_argument(
        "--camera", metavar="NAME", help="CONTENT is a photo; how a camera moves over it: zoom-in, zoom-out, pan-left, pan-right"
    )
    command.add_argument("--seconds", metavar="NUMBER", type=float, help="how long it moves (default: 5)")
    command.add_argument("--resume", action="store_true", help="go on with a film that was cut short")
    _add_engine(command)
    _add_common(command)
    _add_settings(command)


def _add_option(group: Any, name: str, described: Setting) -> None:
    """The option of a setting; None where it was not given, so that a recipe file may speak."""
    option, text, default = f"--{name.replace('_', '-')}", described.help.replace("%", "%%"), getattr(Recipe(), name)
    text = f"{described.symbol}: {text}" if described.symbol else text
    match described:
        case PerLayer():
            shown = " ".join(f"{layer}={weight:g}" for layer, weight in default.items()) or "none"
            text += f" Repeatable; layers not named keep theirs. (default: {shown})"
            facts = {"metavar": "LAYER=WEIGHT", "nargs": "+", "action": "extend", "type": _layer_weight, "dest": name}
            group.add_argument(option.removesuffix("s"), help=text, **facts)
        case Switch():
            group.add_argument(option, action=argparse.BooleanOptionalAction, help=text)
        case PerArtwork():
            text += f"{_limits(described)} One per artwork. (default: all 1)"
            group.add_argument(option, metavar="NUMBER", type=float, nargs="+", help=text)
        case Choice():
            text += f" One of {', '.join(described.choices)}. (default: {default})"
            group.add_argument(option, metavar="NAME", help=text)
        case Number():
            text += f"{_limits(described)} (default: {default})"
            group.add_argument(option, metavar="NUMBER", type=int if described.whole else float, help=text)
        case Performance():
            text = "Leave out what a recipe file says was turned while it ran: paint with the weights that it ended with."
            group.add_argument(f"--ignore-{option[2:]}", action="store_true", help=text)


def _limits(described: Number | PerArtwork) -> str:
    least, most = (n if isinstance(n, int) else f"{n:g}" for n in (described.least, described.most))
    return f" From {least} to {most}."


def _layer_weight(text: str) -> tuple[str, float]:
    layer, _, weight = text.partition("=")
    try:
        return layer, float(weight)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} must look like relu3_1=0.5") from None


def _preset(text: str) -> Preset:
    try:
        return preset_named(text)
    except RecipeError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _device(text: str) -> str:
    if text.partition(":")[0] not in DEVICES:
        raise argparse.ArgumentTypeError(f"{text!r} must be one of {', '.join(DEVICES)}")
    return text


def recipe_of(args: argparse.Namespace) -> Recipe:
    """The recipe of a file or preset, with the options that were given; raises RecipeError and PictureError."""
    if args.recipe:
        from stylekit.pictures import read_recipe_json

        recipe = Recipe.from_json(_named(args.recipe, read_recipe_json))
    else:
        recipe = args.preset.recipe() if args.preset else Recipe()
    recipe = recipe.settled() if args.ignore_keyframes else recipe
    given = {name: getattr(args, name) for name in SETTINGS if getattr(args, name, None) is not None}
    for name in ("layer_weights", "more_content_layers"):
        if name in given:
            given[name] = {**getattr(recipe, name), **dict(given[name])}
    if args.start:
        if given.get("init", "image") != "image":
            raise RecipeError("--start is the picture that init image begins with; leave out --init, or --start.")
        given["init"] = "image"
    elif given.get("init", recipe.init) == "image":
        raise RecipeError("Init image needs the picture to begin with: add --start FILE, or another --init.")
    return recipe.throughout(**given)


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
    """Carry out `stylize`; returns 0, or 1 if the picture is not where it was to be. Raises what ended it early, all saved."""
    from stylekit.job import Job
    from stylekit.transfer import paint as frames_of

    keep_freed()
    limit_threads()
    with _handled(_interrupt):
        out, filming = _checked_out(args.out), _Filming(args)
        card = _checked_out(args.card) if args.card else None
        if card == out:
            raise UsageError("The card would take the painting's place; give them different names.")
        _check_device(args.device)
        if args.palette and not recipe.color_strength:
            raise UsageError("A palette changes nothing at --color-strength 0; give one above 0 along with it.")
        report = Report(args)
        content, styles, start, palette = _pictures(args, recipe, report)
        masks = _masks(args)
        encoder = _encoder(recipe.encoder, args.device, report)
        frames = filming.seen(frames_of(Job(content.image, styles, recipe, masks, start, palette), encoder=encoder))
        saved, last = out, None
        with _noted() as caught:
            end, last = _last(frames, report, caught)
            if last is not None and (last.step or isinstance(end, KeyboardInterrupt)):
                saved = _save(out, last, content)
                end = filming.written(content, report) or end
                if card:
                    _save_card(card, last, content, styles)
                if not isinstance(end, OSError):
                    report.done(saved, last, encoder, end)
        if caught and end is None:
            end = KeyboardInterrupt(*caught)  # while it was saved: nothing is lost, but a loop of the shell shall end
        if end is not None:
            raise end
    return 0 if saved == out else 1


class _Filming:
    """What `stylize` keeps of a run besides its last picture, as its options say; raises StylekitError for what cannot be."""

    def __init__(self, args: argparse.Namespace) -> None:
        from stylekit.film import FILMABLE, Film, Footage

        given = {name: value for name in vars(Film()) if (value := getattr(args, f"film_{name}")) is not None}
        if given and not args.film:
            raise UsageError(f"--film-{next(iter(given))} says how a film is to be; add --film FILE, or leave it out.")
        self._film, self._every, self._out = Film(**given), args.keep_every, Path(args.out)
        self._path = _checked_out(args.film, FILMABLE) if args.film else None
        if self._path == self._out:
            raise UsageError("The film would take the painting's place; give them different names.")
        self._footage = Footage(self._film.size)

    def seen(self, frames: "Iterator[Frame]") -> "Iterator[Frame]":
        """The frames of the run, looked at on their way."""
        from stylekit.film import kept_every, recorded

        frames = frames if self._every is None else kept_every(frames, self._every, self._out)
        return recorded(frames, self._footage) if self._path else frames

    def written(self, content: "Picture", report: "Report") -> StylekitError | None:
        """Write the film, if one is wanted; returns what went wrong: the picture is saved, and shall be told of."""
        from stylekit.film import written

        if not self._path:
            return None
        try:
            with contextlib.closing(written(self._path, self._footage, self._film, content.image)) as parts:
                for part in parts:
                    report.line(f"film: {part:.0%}")
        except StylekitError as error:
            return error
        report.film(self._path, self._film.seconds)
        return None


def _last(frames: "Iterator[Frame]", report: "Report", caught: list[int]) -> "tuple[BaseException | None, Frame | None]":
    """Paint to the end, or until a signal is caught: (what ended it early, the last frame)."""
    last: Frame | None = None
    try:
        for frame in frames:
            last = frame
            report.frame(frame)
            if caught:
                raise KeyboardInterrupt(*caught)
    except (KeyboardInterrupt, OSError, StylekitError, RuntimeError, MemoryError) as error:  # OSError: stdout's
        return error, last
    return None, last


def _save(out: Path, last: "Frame", content: "Picture") -> Path:
    """Save the picture, if need be in the temporary folder: minutes of work are in it. Returns where; raises PictureError."""
    from stylekit.pictures import save_picture, save_png

    image, alpha, inside = last.image, content.alpha, last.recipe.to_json()
    try:
        save_picture(out, image, alpha=alpha, recipe_json=inside)
        return out
    except PictureError as error:
        refuge = Path(tempfile.gettempdir()) / f"{out.stem}-{time.time_ns()}.png"
        try:
            save_png(refuge, image, alpha=alpha, recipe_json=inside)
        except PictureError:
            raise error from None
        _complain(f"{_reason(error)}; the painting is kept as {refuge}.", 1)
        return refuge


def _save_card(path: Path, last: "Frame", content: "Picture", styles: "Sequence[Tensor]") -> None:
    """Save the card of the painting; raises PictureError."""
    from stylekit import card
    from stylekit.pictures import to_pil

    painting, photo = to_pil(last.image, content.alpha), to_pil(content.image, content.alpha)
    try:
        card.picture(painting, photo, [to_pil(style) for style in styles], last.recipe).save(path)
    except OSError as error:
        raise PictureError(f"The card could not be saved ({_why(error)}); the painting is.") from error


def _reason(error: PictureError) -> str:
    """What `error` says before the remedy."""
    return str(error).partition(";")[0].rstrip(".")


def _checked_out(text: str, formats: Collection[str] = ()) -> Path:
    """The path to write to; raises PictureError now for what would fail after minutes of painting."""
    from stylekit.pictures import WRITABLE

    out, formats = Path(text), formats or WRITABLE
    if out.suffix.lower() not in formats:
        raise PictureError(f"{text[-40:]}: this extension names no format that can be saved; use {', '.join(formats)}.")
    if not os.path.isdir(out.parent):  # Path.is_dir would raise for names that are too long
        raise PictureError("The folder to save in does not exist; make it first or choose another.")
    if os.path.isdir(out):
        raise PictureError("A folder has the output's name already; choose another name.")
    try:
        with contextlib.suppress(FileNotFoundError):
            out.lstat()  # is its name too long for the disk?
    except OSError as error:
        raise PictureError(f"The output's name is refused ({_why(error)}); choose a shorter or plainer one.") from error
    try:
        probe = out.with_name(f".{time.time_ns()}.probe")
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise PictureError(f"Nothing can be written to that folder ({_why(error)}); {_remedy(out)}.") from error
    return out


def _remedy(out: Path) -> str:
    """What would work in place of `out`."""
    for folder in (Path.cwd(), Path.home(), Path(tempfile.gettempdir())):
        if os.access(folder, os.W_OK) and folder.resolve() != out.parent.resolve():
            return f"-o {folder / out.name} would do"
    return "choose another folder"


def _why(error: OSError) -> str:
    return os.strerror(error.errno or 0).lower()


def _check_device(name: str | None) -> None:
    """Raises UsageError if this computer has no such device."""
    import torch

    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:  # AssertionError: a torch built without CUDA
        raise UsageError(f"There is no device {name!r} here; leave out --device to use the fastest there is.") from error


def _pictures(
    args: argparse.Namespace, recipe: Recipe, report: "Report"
) -> "tuple[Picture, list[Tensor], Tensor | None, Tensor | None]":
    """Content, styles, the picture to start from, and the one whose colours are wanted."""
    from stylekit.pictures import open_picture

    def opened(path: str, size: int | None, enlarge: bool = True) -> "Picture":
        picture = _named(path, lambda path: open_picture(path, size, enlarge=enlarge))
        report.note(f"{Path(path).name}: {picture.note}" if picture.note else "")
        return picture

    content = opened(args.content, recipe.size)
    largest, of_start, of_palette = _sizes(recipe, args.as_on_page)
    styles = [opened(path, largest, enlarge=False).image for path in args.styles]
    start = opened(args.start, of_start).image if args.start else None
    palette = opened(args.palette, of_palette).image if args.palette else None
    return content, styles, start, palette


def _sizes(recipe: Recipe, as_on_page: bool) -> tuple[int, int | None, int | None]:
    """How large the artworks may be, and how large the start and the palette are opened; None: as they are."""
    if not as_on_page:
        return round(recipe.size * max((1.0, *recipe.style_scales))), None, None
    from stylekit.studio.run import PREVIEW, ROOM

    return ROOM * recipe.size, recipe.size, PREVIEW


def _masks(args: argparse.Namespace) -> "Masks":
    """The masks of the options; "none" stands for everywhere."""
    from stylekit.objective import Masks
    from stylekit.pictures import open_mask

    def opened(path: str | None) -> "Tensor | None":
        return None if path in (None, "none") else _named(str(path), open_mask)

    return Masks([opened(p) for p in args.content_mask or ()], [opened(p) for p in args.style_mask or ()], opened(args.keep))


def _named(path: str, read: Callable[[str], T]) -> T:
    """`read(path)`, with the file's name in the PictureError if it fails: there may be several."""
    try:
        return read(path)
    except PictureError as error:
        raise PictureError(f"{Path(path).name}: {error}") from error


def _encoder(name: str, device: str | None, report: "Report") -> "Encoder":
    """The encoder of that name; its weights are fetched first if they are VGG-19's and not here."""
    from stylekit.encoders import allow_tf32, load_encoder, vgg19

    allow_tf32()
    if name == "vgg19" and vgg19.find_weights() is None:
        report.note(f"Fetching VGG-19's weights ({vgg19.MEGABYTES} MB), once.")
        for done, total in vgg19.download():
            report.line(f"{done >> 20} of {total >> 20} MB" if total else f"{done >> 20} MB")
        report.line("")
    return load_encoder(name, device)


# -------------------------------------------------------------------------------------------------------- the sweep


def sweep(args: argparse.Namespace, recipe: Recipe) -> int:
    """Carry out `sweep`; returns 0. Raises what ended it early; the sheet has the pictures that were finished until then."""
    from stylekit.sweep import SIZE, STEPS, Axis, recipes, recipes_json

    recipe = replace(recipe, size=args.size or min(SIZE, recipe.size), steps=args.steps or min(STEPS, recipe.steps))
    rows, columns = Axis.of(args.rows), Axis.of(args.columns) if args.columns else None
    table = [each for row in recipes(recipe, rows, columns) for each in row]

    from stylekit.job import Job
    from stylekit.pictures import save_image
    from stylekit.sweep import grid, sheet

    keep_freed()
    limit_threads()
    with _handled(_interrupt):
        out, beside = _checked_out(args.out), _checked_out(str(Path(args.out).with_suffix(".json")), [".json"])
        _check_device(args.device)
        report = Report(args)
        scales = (max(scale for each in table for scale in (1.0, *each.style_scales)),)
        content, styles, start, palette = _pictures(
            args, replace(recipe, size=max(each.size for each in table), style_scales=scales), report
        )
        cells = grid(Job(content.image, styles, recipe, _masks(args), start, palette), rows, columns)
        with _noted() as caught:
            end, pictures = _cells(cells, args.device, report, caught)
            if pictures:
                save_image(out, sheet(rows, columns, pictures), recipe_json=recipe.to_json())
                _write_text(beside, recipes_json(recipe, rows, columns))
                report.sheet(out, beside, len(pictures), len(cells))
        if end is not None:
            raise end
    return 0


def _cells(
    cells: "Sequence[Cell]", device: str | None, report: "Report", caught: list[int]
) -> "tuple[BaseException | None, dict[tuple[int, int], Image]]":
    """Paint them all, or until a signal is caught: (what ended it early, the finished pictures by row and column)."""
    from stylekit.pictures import to_pil
    from stylekit.sweep import finished, painted

    encoders = cache(lambda name: _encoder(name, device, report))
    pictures: dict[tuple[int, int], Image] = {}
    try:
        for cell, frame in painted(cells, lambda recipe: encoders(recipe.encoder)):
            if finished(frame):
                pictures[cell.row, cell.column] = to_pil(frame.image)
                report.cell(cell, frame, len(cells))
            elif not frame.step:
                report.line(f"picture {len(pictures) + 1} of {len(cells)}: {cell.label}")
            if caught:
                raise KeyboardInterrupt(*caught)
    except (KeyboardInterrupt, OSError, StylekitError, RuntimeError, MemoryError) as error:
        return error, pictures
    return None, pictures


# ------------------------------------------------------------------------------------------------------ looking inside


def inside(args: argparse.Namespace) -> int:
    """Carry out `inside`; returns 0. Raises what ended it early; the figure has the pictures that were finished until then."""
    recipe = Recipe(**{name: getattr(args, name) for name in SEEN if getattr(args, name) is not None})

    from stylekit import explore
    from stylekit.pictures import open_picture, save_image, to_pil

    keep_freed()
    limit_threads()
    size, steps = args.size or explore.SIZE, args.steps or explore.STEPS
    with _handled(_interrupt):
        out = _checked_out(args.out)
        _check_device(args.device)
        report, count = Report(args), len(explore.reconstructions(recipe))
        end: BaseException | None = None
        content, style = (_named(path, lambda path: open_picture(path, size).image) for path in (args.content, args.style))
        encoder = _encoder(recipe.encoder, args.device, report)
        pictures: dict[tuple[str, tuple[str, ...]], Image] = {}
        with _noted() as caught:
            try:
                for made, frame in explore.reconstruct(content, [style], recipe, encoder=encoder, size=size, steps=steps):
                    if not frame.step:
                        report.line(f"picture {len(pictures) + 1} of {count}: {made.of} from {', '.join(made.layers)}")
                    if frame.step == frame.steps:
                        pictures[made.of, made.layers] = to_pil(frame.image)
                    if caught:
                        raise KeyboardInterrupt(*caught)
            except (KeyboardInterrupt, OSError, StylekitError, RuntimeError, MemoryError) as error:
                end = error
            if pictures:
                save_image(out, explore.figure(pictures))
                report.figure(out, len(pictures), count)
        if end is not None:
            raise end
    return 0


# ------------------------------------------------------------------------------------------------------- many pictures


def augment(args: argparse.Namespace) -> int:
    """Carry out `augment`; returns 0, or 1 if nothing could be painted. What was painted stays, whatever ends it."""
    from stylekit.augment import SIZE, STEPS, Manifest, Plan, carried_out

    args.start = None
    recipe = recipe_of(args).settled()
    if args.recipe is None and args.preset is None:
        recipe = replace(recipe, size=args.size or SIZE, steps=args.steps or STEPS)
    _check_workers(args)
    folders = (Path(args.photos), Path(args.artworks), Path(args.out))
    plan = Plan(*folders, args.per_photo, recipe, args.jitter, f".{args.format}")
    tasks, manifest, report = plan.tasks(), Manifest(plan, args.resume), Report(args)
    missing = manifest.missing(tasks)
    report.note(f"{len(tasks) - len(missing)} of {len(tasks)} were there already" if len(missing) < len(tasks) else "")
    limit_threads()
    began, lost = time.monotonic(), 0
    with _handled(_interrupt), _noted() as caught, _without_news_of(args.engine):
        if args.engine == "ray":
            from stylekit import afar

            results = afar.carried_out(missing, args.workers, args.device)
        else:
            results = carried_out(missing, args.workers or os.cpu_count() or 1, args.device)
        with contextlib.closing(results):
            for count, done in enumerate(results, start=1):
                manifest.add(done)
                lost += bool(done.error)
                report.variant(done.line(), len(tasks) - len(missing) + count, len(tasks), time.monotonic() - began, count)
                if caught:
                    raise KeyboardInterrupt(*caught)
    report.augmented(str(manifest.path), len(manifest.known), len(tasks), lost)
    return 0 if manifest.known else 1


def _without_news_of(engine: str) -> "contextlib.AbstractContextManager[Any]":
    """Ray prints on stdout what happens to its machines; there, programs read JSON."""
    return contextlib.redirect_stdout(sys.stderr) if engine == "ray" else contextlib.nullcontext()


def _check_workers(args: argparse.Namespace) -> None:
    if args.workers is not None and not 1 <= args.workers <= 1000:
        raise UsageError(f"There are from 1 to 1000 workers, not {args.workers}.")


# ------------------------------------------------------------------------------------------------------ moving pictures


def video(args: argparse.Namespace) -> int:
    """Carry out `video`; returns 0. Raises what ended it early; the film has the pictures that were finished until then."""
    args.start = None
    recipe = recipe_of(args)
    _check_workers(args)
    if args.workers is not None and args.engine == "local":
        raise UsageError("On one machine, the pictures of a clip are painted one after the other; add --engine ray.")

    from stylekit.clip import Clip
    from stylekit.pictures import open_picture
    from stylekit.reel import Reel, facts
    from stylekit.video import Video, turned

    given = {"steps": args.steps_per_frame, "hold": args.hold, "weight": args.temporal_weight}
    plan = Video(recipe, turns=turned(args.at or ()), **{name: value for name, value in given.items() if value is not None})
    keep_freed()
    limit_threads()
    with _handled(_interrupt):
        out, report = _checked_out(args.out, [".mp4"]), Report(args)
        _check_device(args.device)
        source = _source(args, recipe)
        styles = [_named(path, lambda path: open_picture(path, recipe.size, enlarge=False).image) for path in args.styles]
        encoder = _encoder(recipe.encoder, args.device, report) if args.engine == "local" else None
        reel = Reel(out, facts(plan, source, [args.content, *args.styles]), args.resume)
        report.note(f"{len(reel)} pictures were there already" if len(reel) else "")
        end: BaseException | None = None
        began, painted = time.monotonic(), 0
        with _noted() as caught, _without_news_of(args.engine):
            try:
                with contextlib.closing(_filmed(args, source, styles, plan, reel, encoder)) as pictures:
                    for picture in pictures:
                        if picture:
                            painted += 1
                            report.shot(picture, source.seconds, (time.monotonic() - began) / painted, len(reel), source.rate)
                        if caught:
                            raise KeyboardInterrupt(*caught)
            except (KeyboardInterrupt, OSError, StylekitError, RuntimeError, MemoryError) as error:
                end = error
            if len(reel):
                reel.write(source.rate, source if isinstance(source, Clip) else None)
                report.video(out, len(reel), end)
        if end is not None:
            raise end
        reel.delete()
    return 0


def _filmed(
    args: argparse.Namespace,
    source: "Clip | Camera",
    styles: "Sequence[Tensor]",
    plan: "Video",
    reel: "Reel",
    encoder: "Encoder | None",
) -> "Generator[Painted | None, None, None]":
    """Paint the clip into the reel, here or, without an encoder, afar; its pictures when they are finished, None between."""
    from stylekit.afar import Painted, filmed_afar
    from stylekit.video import filmed

    if encoder is None:
        yield from filmed_afar(source, styles, plan, reel, args.workers, args.device)
        return
    for shot in filmed(source, styles, plan, encoder=encoder, painted=reel):
        if shot.finished:
            reel.add(shot)
        yield Painted(shot.number, shot.moment.at, shot.begins, shot.frame.losses) if shot.finished else None


def _source(args: argparse.Namespace, recipe: Recipe) -> "Clip | Camera":
    """What is to be painted: a clip, or a photo that a camera moves over."""
    from stylekit.clip import CLOSER, Camera, Clip
    from stylekit.pictures import open_picture

    if args.camera is None:
        if args.seconds is not None:
            raise UsageError(
                "--seconds is how long a camera moves over a photo; add --camera, or choose a part by --from and --to."
            )
        return _named(args.content, lambda path: Clip(path, recipe.size, args.begin, args.end))
    if args.begin or args.end is not None:
        raise UsageError("--from and --to choose a part of a clip; say by --seconds how long a camera moves over a photo.")
    photo = _named(args.content, lambda path: open_picture(path, round(recipe.size / CLOSER), enlarge=False)).image
    return Camera(photo, recipe.size, args.camera, 5.0 if args.seconds is None else args.seconds)


def _write_text(path: Path, text: str) -> None:
    """Raises PictureError if it cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PictureError(f"{path.name} could not be written ({_why(error)}); choose another place.") from error


# --------------------------------------------------------------------------------------------------- what is said of it


class Report:
    """What is told while it paints: JSON lines on stdout, or progress on a terminal's stderr."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.json, self.quiet = args.json, args.quiet or args.json
        self._run, self._out = Progress(), sys.stdout

    def note(self, text: str) -> None:
        """A sentence for people."""
        if text and not self.quiet:
            _tell(_clear() + text)

    def line(self, text: str) -> None:
        """Progress: replaces the line before, on a terminal."""
        if not self.quiet and (clear := _clear()):
            width = shutil.get_terminal_size().columns - 1  # a line that wraps cannot be replaced
            _tell(clear + text[:width], end="")

    def event(self, **facts: Any) -> None:
        """A line of JSON; in one write, so that Ctrl-C leaves no half line before the next."""
        print(json.dumps(facts) + "\n", end="", flush=True, file=self._out)

    def frame(self, frame: "Frame") -> None:
        """A step was taken."""
        if not self.json:
            self.line(self._progress(frame))
            return
        losses = dict.fromkeys(("content", "style", "tv", *frame.weights.layer_weights, EDGES)) | frame.losses
        seconds = round(frame.seconds, 4)
        self.event(event="frame", step=frame.step, steps=frame.steps, level=frame.level, seconds=seconds, losses=losses)

    def _progress(self, frame: "Frame") -> str:
        height, width = frame.painting.shape[2:]
        text = f"[{'#' * (20 * frame.step // frame.steps):-<20}] step {frame.step} of {frame.steps}, {width}x{height}"
        self._run.take(frame)
        if not (speed := self._run.speed()):
            return text
        left = round(self._run.seconds_left())
        return f"{text}, {speed:.1f} steps/s, {left // 60}:{left % 60:02} left"

    def cell(self, cell: "Cell", frame: "Frame", count: int) -> None:
        """A picture of a sweep is finished."""
        if self.json:
            seconds = round(frame.seconds, 4)
            facts = {"row": cell.row, "column": cell.column, "label": cell.label, "cells": count}
            self.event(event="cell", **facts, seconds=seconds, losses=frame.losses)

    def sheet(self, out: Path, beside: Path, painted: int, count: int) -> None:
        """The sheet of a sweep is saved."""
        if self.json:
            self.event(event="done", out=str(out), recipes=str(beside), painted=painted, cells=count)
        self.note(f"{out}: {painted} of {count} pictures; their recipes: {beside}")

    def figure(self, out: Path, painted: int, count: int) -> None:
        """The figure of what layers see is saved."""
        if self.json:
            self.event(event="done", out=str(out), painted=painted, pictures=count)
        self.note(f"{out}: {painted} of {count} pictures")

    def variant(self, line: dict[str, Any], number: int, count: int, seconds: float, painted: int) -> None:
        """A variant is painted, or is not: that is one line, and not the end."""
        if self.json:
            self.event(event="variant", done=number, count=count, **{k: v for k, v in line.items() if k != "recipe"})
        if "error" in line:
            self.note(f"{line['source']}, variant {line['number']}: {line['error']}")
        left = seconds / painted * (count - number)
        self.line(f"{number} of {count}, {60 * painted / seconds:.0f} a minute, {left / 60:.0f} min left: {line['out']}")

    def augmented(self, manifest: str, painted: int, count: int, lost: int) -> None:
        """All variants are done."""
        if self.json:
            self.event(event="done", manifest=manifest, painted=painted, count=count, lost=lost)
        missing = f"; {lost} could not be painted" if lost else ""
        self.note(f"{manifest}: {painted} of {count} variants{missing}")

    def film(self, out: Path, seconds: float) -> None:
        """The film is written."""
        if self.json:
            self.event(event="film", out=str(out), seconds=seconds)
        self.note(f"{out}: {seconds:g} s, {out.stat().st_size / 1e6:.1f} MB")

    def shot(self, picture: "Painted", seconds: float | None, each: float, done: int, rate: "Fraction") -> None:
        """A picture of a clip is painted; `each` took so many seconds."""
        count = None if seconds is None else max(done, round(seconds * rate))
        if self.json:
            losses = {name: round(loss, 6) for name, loss in picture.losses.items()}
            self.event(event="picture", number=picture.number, at=picture.at, begins=picture.begins, losses=losses)
        left = "" if count is None else f" of about {count}, {each * (count - done) / 60:.0f} min left"
        self.line(f"picture {done}{left}, {each:.1f} s each")

    def video(self, out: Path, count: int, end: BaseException | None) -> None:
        """The film of a clip is written."""
        if self.json:
            how = {"interrupted": True} if isinstance(end, KeyboardInterrupt) else {"failed": True} if end else {}
            self.event(event="done", out=str(out), pictures=count, **how)
        self.note(f"{out}: {count} pictures" + ("; go on with --resume" if end else ""))

    def done(self, out: Path, last: "Frame", encoder: "Encoder", end: BaseException | None) -> None:
        """The picture is saved as `out`; `end` is what ended the painting early."""
        height, width = last.painting.shape[2:]
        interrupted = isinstance(end, KeyboardInterrupt)
        if self.json:
            how = {"interrupted": True} if interrupted else {"failed": True} if end else {}
            seconds, device = round(last.seconds, 4), str(encoder.device)
            facts = {"out": str(out), "width": width, "height": height, "steps": last.step, "seconds": seconds}
            self.event(event="done", **facts, device=device, encoder=encoder.name, **how)
            return
        self.quiet = self.quiet and (end is None or interrupted)  # that a failed painting has a picture is news
        steps = f"stopped at step {last.step} of {last.steps}" if end else f"{last.step} steps"
        self.note(f"{out}: {width}x{height}, {steps} in {last.seconds:.1f} s on {encoder.device}")
