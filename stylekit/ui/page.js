// A picture or recipe that is dropped anywhere but on an upload field goes to "Bring settings back".
(() => {
  const target = () => document.querySelector("#dials > input[type=file]");
  const carriesFiles = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  const elsewhere = (event) => !event.target.closest("#content, #style, .small, #masks");

  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event) || !elsewhere(event)) return document.body.classList.remove("dropping");
    event.preventDefault();
    document.body.dataset.drop = document.querySelector("#masthead header")?.dataset.drop ?? "";
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    document.body.classList.remove("dropping");
    if (!carriesFiles(event) || !elsewhere(event) || !target()) return;
    event.preventDefault();
    target().files = event.dataTransfer.files;
    target().dispatchEvent(new Event("change", { bubbles: true }));
  });

  // Gradio's sample thumbnails have no names of their own for screen readers.
  const nameSamples = () => {
    for (const button of document.querySelectorAll("[id^=samples] .gallery-item")) {
      const file = button.querySelector("img")?.src.split("/").pop();
      if (file && !button.ariaLabel) button.ariaLabel = decodeURIComponent(file).replace(/\.\w+$/, "").replaceAll("-", " ");
    }
  };
  new MutationObserver(nameSamples).observe(document, { childList: true, subtree: true, attributeFilter: ["src"] });
})();
