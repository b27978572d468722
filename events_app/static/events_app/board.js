/* Refreshes the live board every 15 seconds, without a reload and without taking the focus. */
(() => {
  "use strict";
  const EVERY = 15000;
  const board = document.getElementById("rc-board");
  if (!board) return;

  const refresh = async () => {
    // Once the event is over nobody comes or leaves any more.
    if (board.querySelector("[data-is-over]")) return clearInterval(ticking);
    // Whoever reads with the keyboard, or looks elsewhere, is not disturbed.
    if (document.hidden || board.contains(document.activeElement)) return;
    try {
      const response = await fetch(board.dataset.part, { credentials: "same-origin" });
      // Without a login the admin leads to its own. Asking goes on: one may log in elsewhere.
      board.classList.toggle("rc-logged-out", response.redirected);
      if (response.redirected) return;
      if (!response.ok) throw new Error(String(response.status));
      const part = await response.text();
      if (!board.contains(document.activeElement)) board.innerHTML = part;
      board.classList.remove("rc-stale");
    } catch {
      board.classList.add("rc-stale");
    }
  };
  const ticking = setInterval(refresh, EVERY);
})();
