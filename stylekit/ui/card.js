// The card's buttons that copy. Without HTTPS, browsers have no clipboard for pages, but copy what is selected.
function stylekitCopy(element) {
  element.addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-done]");
    if (!button) return;
    const text = button.closest("section").querySelector("pre");
    try {
      await navigator.clipboard.writeText(text.textContent);
    } catch {
      getSelection().selectAllChildren(text);
      document.execCommand("copy");
    }
    const before = button.textContent;
    if (before === button.dataset.done) return;
    button.textContent = button.dataset.done;
    setTimeout(() => (button.textContent = before), 2000);
  });
}
