// A button beside each of the sliders that extremes.py names, and the place beside it where its two pictures are shown.
function stylekitExtremes(element, asked) {
  const words = () => document.querySelector("#extremes-words")?.dataset ?? { names: "", label: "" };
  const say = (name, value) => document.documentElement.style.setProperty(`--extremes${name}`, value); // gradio would take a class away
  let opener = null;
  let last = "";

  const close = () => {
    opener?.setAttribute("aria-expanded", "false");
    opener = null;
    say("", "none");
  };

  // those of another slider are not shown; its own are not sent again if they are there
  const look = () => {
    for (const pair of element.querySelectorAll(".pair")) pair.style.visibility = pair.dataset.of === last ? "" : "hidden";
  };

  // to the left of its slider, or below it
  const stand = () => {
    const [dial, width] = [opener.closest(".dial").getBoundingClientRect(), document.querySelector("#extremes").offsetWidth];
    const beside = dial.left - width - 12;
    const left = beside > 8 ? beside : Math.max(8, Math.min(dial.right - width, innerWidth - width - 8));
    const top = beside > 8 ? dial.top : dial.bottom + 6;
    say("-left", `${left}px`);
    say("-top", `${Math.max(8, Math.min(top, innerHeight - 170))}px`);
  };

  const open = (button, name) => {
    close();
    opener = button;
    button.setAttribute("aria-expanded", "true");
    last = name;
    for (const old of element.querySelectorAll(".error")) old.style.visibility = "hidden";
    look();
    say("", "block");
    stand();
    asked(name);
  };

  const place = () => {
    for (const name of words().names.split(" ").filter(Boolean)) {
      const head = document.querySelector(`#set-${name} .head`);
      if (!head) continue;
      let button = head.querySelector(".extremes-ask");
      if (!button) {
        button = Object.assign(document.createElement("button"), { type: "button", className: "extremes-ask", textContent: "◐" });
        button.setAttribute("aria-expanded", "false");
        button.addEventListener("click", () => (opener === button ? close() : open(button, name)));
        head.insertBefore(button, head.children[1] ?? null);
      }
      if (button.title !== words().label) button.title = button.ariaLabel = words().label;
    }
  };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && opener) close();
  });
  document.addEventListener("click", ({ target }) => {
    if (opener && !element.contains(target) && !target.closest(".extremes-ask")) close();
  });
  document.addEventListener("scroll", () => opener && stand(), { capture: true, passive: true });
  new MutationObserver(place).observe(document.querySelector("#dials"), { childList: true, subtree: true, attributeFilter: ["data-label"] });
  new MutationObserver(look).observe(element, { childList: true, subtree: true });
  place();
}
