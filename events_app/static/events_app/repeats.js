/* Shows of how an event repeats what matters to what was chosen, and its dates as they change. */
(() => {
  "use strict";
  const PAUSE = 400;
  const section = document.getElementById("rc-repeats");
  if (!section) return;
  const form = section.closest("form");
  const dates = document.getElementById("rc-dates");
  const chosen = (name) =>
    form.querySelector(`select[name=${name}], input[name=${name}]:checked`)?.value ?? "";

  const arrange = () => {
    for (const box of section.querySelectorAll("[data-kinds]")) {
      const { kinds, ends } = box.dataset;
      const matters =
        (!kinds || kinds.split(" ").includes(chosen("repeats"))) &&
        (!ends || ends === chosen("repeat_ends"));
      box.hidden = !matters;
      // What is not seen is not sent.
      for (const input of box.querySelectorAll("input, select")) input.disabled = !matters;
    }
  };

  let asked = 0;
  const show = async () => {
    const number = ++asked;
    const address = new URL(window.location.href);
    address.searchParams.set("part", "dates");
    try {
      const response = await fetch(address, {
        method: "POST",
        body: new FormData(form),
        credentials: "same-origin",
      });
      if (!response.ok || response.redirected) return;
      const part = await response.text();
      if (number === asked) dates.innerHTML = part;
    } catch {
      // The preview tells them.
    }
  };

  let waiting;
  const changed = () => {
    arrange();
    clearTimeout(waiting);
    waiting = setTimeout(show, PAUSE);
  };
  arrange();
  const TIMES = ["starts_at", "ends_at", "time_zone"];
  const heard = (event) => {
    if (section.contains(event.target) || TIMES.includes(event.target.name)) changed();
  };
  // The box in which a zone is searched for speaks jQuery alone.
  const jquery = window.django?.jQuery ?? window.jQuery;
  if (jquery) jquery(form).on("input change", heard);
  else for (const kind of ["input", "change"]) form.addEventListener(kind, heard);
})();
