// How much room there is, in letters and not in pixels: page.css arranges the page by html[data-room]. Media queries
// cannot do that, for they know the browser's font size but not the switch "Large".
(() => {
  const root = document.documentElement;
  const LARGE = "stylekit-large";

  const arrange = () => {
    const letter = parseFloat(getComputedStyle(root).fontSize);
    const [width, height] = [innerWidth / letter, innerHeight / letter];
    const sideways = width > height && width >= 36;
    root.dataset.room = width >= 60 && height >= 34 ? "wide" : sideways ? "low" : width >= 44 ? "tall" : "narrow";
  };

  const enlarge = (large) => {
    root.classList.toggle("large", large);
    document.querySelector("#large")?.setAttribute("aria-pressed", large);
    arrange();
  };

  const remembered = () => {
    try {
      return localStorage.getItem(LARGE) === "yes";
    } catch {
      return false; // a browser may forbid it
    }
  };

  document.addEventListener("click", (event) => {
    if (!event.target.closest("#large")) return;
    enlarge(!root.classList.contains("large"));
    try {
      localStorage.setItem(LARGE, root.classList.contains("large") ? "yes" : "no");
    } catch {
      // then it lasts as long as the page
    }
  });

  // the switch comes after this script, and anew with another language
  new MutationObserver(() => {
    const large = String(root.classList.contains("large"));
    const button = document.querySelector("#large");
    if (button && button.ariaPressed !== large) button.ariaPressed = large;
  }).observe(root, { childList: true, subtree: true });
  addEventListener("resize", arrange);
  enlarge(remembered());
})();
