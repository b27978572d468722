/* Refreshes the live board every 15 seconds, without a reload and without taking the focus. */
(() => {
  "use strict";
  const EVERY = 15000;
  const board = document.getElementById("rc-board");
  if (!board) return;

  const refresh = async () => {
    // Whoever reads with the keyboard, or looks elsewhere, is not disturbed.
    if (document.hidden || board.contains(document.activeElement)) return;
    try {
      const response = await fetch(board.dataset.part, { credentials: "same-origin" });
      if (!response.ok || response.redirected) throw new Error(String(response.status));
      const part = await response.text();
      if (!board.contains(document.activeElement)) board.innerHTML = part;
      board.classList.remove("rc-stale");
    } catch {
      board.classList.add("rc-stale");
    }
  };
  setInterval(refresh, EVERY);
})();
