// The choice of a language: kept in a cookie, so that the server knows it before it sends the page.
function stylekitLanguage(element, watch, spoken) {
  let lessonIsOpen = ""; // what its button said before the head of the page came in another language

  const show = () => {
    const button = element.querySelector("#lesson-open");
    if (button && lessonIsOpen) button.ariaExpanded = lessonIsOpen;
    const select = element.querySelector("#language");
    document.documentElement.lang = select.value = select.dataset.language;
  };

  const remember = (language) => {
    const elsewhere = location.protocol === "https:" ? "SameSite=None; Secure; Partitioned" : "SameSite=Lax"; // in a frame, too
    document.cookie = `stylekit-language=${language}; Path=/; Max-Age=31536000; ${elsewhere}`;
  };

  // Gradio's own words, such as "Drop Image Here", are in a script of its own, which is on the page already.
  const speakAsGradio = async (language) => {
    const core = performance.getEntriesByType("resource").find(({ name }) => /\/assets\/core-[\w-]+\.js$/.test(name));
    if (core) (await import(core.name)).changeLocale?.(language);
  };

  element.addEventListener("change", ({ target }) => {
    if (target.id !== "language") return;
    lessonIsOpen = element.querySelector("#lesson-open")?.ariaExpanded ?? "false";
    remember(target.value);
    spoken(target.value);
    speakAsGradio(target.value);
  });
  watch("value", () => {
    show();
    setTimeout(() => {
      // when all that is said has come
      if (document.activeElement === document.body) element.querySelector("#language").focus(); // it was there, in the one before
      document.dispatchEvent(new Event("stylekit-language"));
    }, 50);
  });
  show();
}
