// The lesson: open or not, at which stop, and what its buttons press for the visitor. It is left and found again where one was.
var stylekitBefore, stylekitAfter;
(() => {
  const root = document.documentElement;
  const KEY = "stylekit-lesson";
  const stops = () => [...document.querySelectorAll("#lesson .stop")];
  const seen = (selector) => [...document.querySelectorAll(selector)].find((found) => found.checkVisibility());

  const remembered = () => {
    try {
      return Number(localStorage.getItem(KEY)) || 1;
    } catch {
      return 1; // storage is forbidden: then it begins at the first
    }
  };

  const remember = (number) => {
    try {
      localStorage.setItem(KEY, number);
    } catch {
      // then it lasts as long as the page
    }
  };

  let number = 0; // of the stop that is open; 0: none is
  const show = () => {
    stops().forEach((stop, n) => stop.classList.toggle("here", n + 1 === number));
    const name = stops()[number - 1]?.id.replace("lesson-", "") ?? "";
    if (name) root.dataset.stop = name;
    else delete root.dataset.stop;
    document.querySelector("#lesson-open")?.setAttribute("aria-expanded", String(Boolean(number)));
    for (const [way, end] of [["back", 1], ["next", stops().length]])
      document.querySelector(`#lesson-ways [data-way=${way}]`)?.toggleAttribute("disabled", number === end);
  };

  const go = (to, focus = true) => {
    number = Math.max(0, Math.min(to, stops().length));
    if (number) remember(number);
    else delete root.dataset.only;
    show();
    if (focus && number) {
      const heading = stops()[number - 1].querySelector("h2");
      heading?.setAttribute("tabindex", "-1");
      heading?.focus();
    }
  };

  // One page of questions, from the same words: lesson.css prints nothing else.
  const print = () => {
    root.classList.add("worksheet");
    addEventListener("afterprint", () => root.classList.remove("worksheet"), { once: true });
    window.print();
  };

  document.addEventListener("click", ({ target }) => {
    if (target.closest("#lesson-open")) go(number ? 0 : remembered());
    const way = target.closest("#lesson-ways [data-way]")?.dataset.way;
    if (way === "back" || way === "next") go(number + (way === "next" ? 1 : -1));
    if (way === "leave") go(0), document.querySelector("#lesson-open")?.focus();
    if (way === "sheet") print();
  });

  const waitFor = async (ready, seconds) => {
    for (let n = 0; n < seconds * 10 && !ready(); n++) await new Promise((done) => setTimeout(done, 100));
    return ready();
  };

  // Before its settings are put: what is to begin anew has ended, what is to be turned goes on.
  stylekitBefore = async (does) => {
    if (does === "paint" && seen("#stop")) {
      seen("#stop").click();
      await waitFor(() => !seen("#stop"), 30);
    }
    if (does === "turn" && !seen("#pause")) {
      seen("#paint")?.click();
      if (await waitFor(() => seen("#pause"), 30)) await new Promise((done) => setTimeout(done, 2000));
    }
  };

  stylekitAfter = async (does) => {
    const pressed = does === "paint" ? "#paint" : does === "turn" ? "" : does;
    if (pressed && (await waitFor(() => seen(pressed), 10))) seen(pressed).click();
  };

  // A teacher's link, once the stops are there; and gradio makes them anew with another language.
  const asked = new URLSearchParams(location.search);
  const first = Number(asked.get("lesson"));
  let arrived = false;
  new MutationObserver(() => {
    if (!stops().length) return;
    if (!arrived) {
      arrived = true;
      if (first >= 1) {
        if (asked.get("only") === "lesson") root.dataset.only = "lesson";
        go(first, false);
      }
    } else if (number && !document.querySelector("#lesson .here")) show();
  }).observe(root, { childList: true, subtree: true });
})();
