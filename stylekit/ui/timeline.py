"""What happens on the timeline: painting on from a moment, taking its settings. Looking back is done by timeline.js alone."""

from typing import Any

import gradio as gr

from stylekit.studio.run import Studio, View
from stylekit.studio.session import Session
from stylekit.ui.events import AT_ONCE, Events, Updates, focus
from stylekit.ui.layout import Page, flat, status

CHOSEN = "(session, moment, ...rest) => [session, stylekitMoment(), ...rest]"
"""JavaScript that puts what is looked at in the place of the field that is never seen."""


class Timeline:
    """The handlers of the strip."""

    def __init__(self, page: Page, studio: Studio, events: Events) -> None:
        self.page, self.studio, self.events, self.words = page, studio, events, studio.words

    def put_up(self, session: Session, chosen: str) -> Any:
        """Put a moment on the easel, to be gone on from; a run that goes on is paused, and its picture kept."""
        moment = session.timeline.named(str(chosen))
        if moment is None:
            raise gr.Error(self.words("timeline.gone"), print_exception=False)
        self.studio.pause(session)
        session.put_up(moment)
        return status(View("waiting", self.words("status.preparing")))

    def take_settings(self, session: Session, chosen: str) -> Updates:
        """The settings of a moment on the sliders: of a run that goes on, those that may be turned."""
        page, moment = self.page, session.timeline.named(str(chosen))
        if moment is None:
            return {page.status: status(View("refused", "", error=self.words("timeline.gone")))}
        recipe = moment.recipe.settled()
        session.steered, session.preset, session.preset_note = None, None, ""
        said = status(View("done", self.words("timeline.taken", step=moment.step), done=1.0))
        updates = self.events.put(session, flat(recipe.weights if session.dials else recipe, session.artworks))
        return updates | self.events.preset_of(session) | ({} if session.dials else {page.status: said})


def open_room(page: Page, studio: Studio, events: Events, limits_on_waiting: int) -> None:
    """Connect the strip with its handlers; to be called inside gr.Blocks."""
    timeline, controls = Timeline(page, studio, events), list(page.controls.values())
    chosen = {"inputs": [page.session, page.moment], "js": CHOSEN}
    put_up = page.strip.paint_on(timeline.put_up, outputs=page.status, **chosen, **AT_ONCE)
    painting = put_up.success(
        events.resume,
        [page.session, *page.pictures, *controls],
        page.shown,
        show_progress="hidden",
        concurrency_limit=limits_on_waiting,
        concurrency_id="paint",
        api_visibility="private",
    )
    painting.failure(events.recover, page.session, page.shown, **AT_ONCE)
    taken = page.strip.take_settings(timeline.take_settings, outputs=page.settings, **chosen, **AT_ONCE)
    taken.then(events.turn, [page.session, *controls], page.settle, js=focus("#timeline .branch.current"), **AT_ONCE)
