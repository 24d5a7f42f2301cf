// Ctrl-Z and Ctrl-Shift-Z (or Ctrl-Y) for settings, unless letters are being written or masks painted; a double click sets a
// slider back. The buttons are seen once there is something to undo.
(() => {
  const writes = "textarea, input:not([type=range]):not([type=radio]):not([type=checkbox]), [contenteditable], #masks";
  document.addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase();
    if (!(event.ctrlKey || event.metaKey) || event.altKey || !["z", "y"].includes(key)) return;
    if (event.target.closest(writes) || document.querySelector("#masks")?.offsetParent) return;
    const button = document.querySelector(key === "y" || event.shiftKey ? "#redo" : "#undo");
    if (!button?.offsetParent) return;
    event.preventDefault();
    button.click();
  });
  for (const kind of ["input", "change"])
    document.addEventListener(kind, ({ target }) => {
      const dials = target.closest?.("#dials");
      if (dials) dials.dataset.changed = "";
    });
  document.addEventListener("dblclick", ({ target }) => {
    const dial = target.closest?.(".dial");
    const values = document.querySelector("#usual")?.dataset.values;
    if (!dial || target.type !== "range" || !values) return;
    const value = JSON.parse(values)[dial.id];
    if (value === undefined) return;
    target.value = value;
    for (const kind of ["input", "pointerup"]) target.dispatchEvent(new Event(kind, { bubbles: true }));
  });
})();
