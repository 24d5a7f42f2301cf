// The page without a mouse: Space paints, pauses and continues, Escape stops; the presets are one radio group; and the focus
// stays with the buttons when one of them gives way to another.
(() => {
  const button = (...names) => names.map((name) => document.querySelector(`#${name}`)).find((found) => found?.offsetParent);
  const takesSpace = "input:not([type=range]), textarea, select, button, a, summary, canvas, [contenteditable], [role=slider], [role=listbox]";
  const takesEscape = "[aria-expanded=true], [role=listbox], [role=dialog]";

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey || event.repeat) return;
    const inFullScreen = document.querySelector(".block.fullscreen"); // Escape leaves it
    const looksBack = event.target.closest("#timeline") && document.querySelector("#then figure")?.checkVisibility(); // and that
    const pressed =
      event.key === " " && !event.target.closest(takesSpace)
        ? button("pause", "continue", "paint")
        : event.key === "Escape" && !inFullScreen && !looksBack && !event.target.closest(takesEscape)
          ? button("stop")
          : null;
    if (!pressed) return;
    event.preventDefault();
    pressed.click();
  }, true);

  // Gradio takes a button that is not to be seen out of the page, and the focus with it.
  let held = null;
  document.addEventListener("focusin", (event) => (held = event.target.closest("#buttons > *")));
  const holdFocus = () => {
    if (!held || held.isConnected || document.activeElement !== document.body) return;
    const next = button("pause", "continue", "paint");
    if (next) (held = next).focus({ preventScroll: true });
  };

  // Gradio gives each preset a name of its own; with one name they are one stop, and arrows go from preset to preset.
  const joinLooks = () => {
    for (const preset of document.querySelectorAll("#presets input")) if (preset.name !== "preset") preset.name = "preset";
    const presets = document.querySelector("#presets");
    const name = presets?.querySelector("[data-testid=block-info]")?.textContent.trim();
    if (name && presets.ariaLabel !== name) presets.ariaLabel = name;
  };

  const nameKeys = () => {
    for (const [name, keys] of [["paint", "Space"], ["continue", "Space"], ["pause", "Space"], ["stop", "Escape"]])
      document.querySelector(`#${name}:not([aria-keyshortcuts])`)?.setAttribute("aria-keyshortcuts", keys);
  };

  new MutationObserver(() => {
    setTimeout(holdFocus, 50); // when all buttons that come have come
    joinLooks();
    nameKeys();
  }).observe(document, { childList: true, subtree: true });

  document.addEventListener("click", (event) => {
    if (!event.target.closest(".skip")) return;
    event.preventDefault();
    button("continue", "paint", "pause")?.focus();
  });
})();
