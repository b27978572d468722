"""A real browser that looks at the admin: opens pages, takes pictures, says what is wrong.

Outside the default run: ``make look``, or one of ``tests/look/look_at_*.py`` by itself. The
browser is named by ``CHROMIUM`` (``/usr/bin/chromium`` by default).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from playwright.sync_api import Browser, BrowserContext, Page
    from pytest_django.live_server_helper import LiveServer

SHOTS = Path(__file__).resolve().parents[2] / ".look"
WIDE, NARROW = (1440, 900), (390, 844)
SCHEMES: dict[Any, bool] = {"light": False, "dark": True}
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SETTLED = """() => document.fonts.ready.then(() => new Promise((done) =>
    requestAnimationFrame(() => requestAnimationFrame(done))))"""
PALE = """() => {
    // Text of our own boxes whose contrast is less than WCAG 2.2 (1.4.3) asks for.
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    const brush = canvas.getContext("2d", { willReadFrequently: true });
    const over = (color, ground) => {
        brush.fillStyle = `rgb(${ground.join(",")})`;
        brush.fillRect(0, 0, 1, 1);
        brush.fillStyle = color;
        brush.fillRect(0, 0, 1, 1);
        return [...brush.getImageData(0, 0, 1, 1).data.slice(0, 3)];
    };
    const light = (color) => {
        const [r, g, b] = color
            .map((part) => part / 255)
            .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const groundOf = (node) => {
        const chain = [];
        for (let up = node; up; up = up.parentElement) chain.unshift(up);
        return chain.reduce((ground, up) => over(getComputedStyle(up).backgroundColor, ground), [
            255, 255, 255,
        ]);
    };
    const pale = new Set();
    const own = ".rc-now, .rc-correct, .rc-form, .rc-fields";
    for (const node of document.querySelectorAll(`:is(${own}) :not(option, script, noscript)`)) {
        const says = [...node.childNodes].some((each) => each.nodeType === 3 && each.data.trim());
        const isNoText = node.closest("svg, .material-symbols-outlined, :disabled");
        if (!says || isNoText || !node.checkVisibility()) continue;
        const style = getComputedStyle(node);
        const ground = groundOf(node);
        const [a, b] = [light(over(style.color, ground)), light(ground)];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        const size = parseFloat(style.fontSize);
        const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
        if (contrast < (isLarge ? 3 : 4.5) - 0.01) {
            const says = node.textContent.trim().slice(0, 20);
            pale.add(`pale ${contrast.toFixed(2)}: ${node.tagName}.${node.className} ${says}`);
        }
    }
    return [...pale].slice(0, 5);
}"""


def logged_in(
    browser: Browser, server: LiveServer, user: User, *, size: tuple[int, int], scheme: Any
) -> BrowserContext:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme
    )
    context.add_cookies([session_cookie(server, user)])
    return context


def session_cookie(server: LiveServer, user: User) -> Any:
    """Logs an account in, and gives what a browser keeps of that."""
    client = Client()
    client.force_login(user)
    return {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": server.url}


class Look:
    """One page of the browser, with what went wrong on it."""

    def __init__(self, page: Page, server: LiveServer) -> None:
        self.page, self.host = page, urlsplit(server.url).netloc
        self.base = server.url
        self.wrong: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)

    def _failed(self, request: Any) -> None:
        # What a page still asked for when it was left is no fault of it.
        if request.failure != "net::ERR_ABORTED":
            self.wrong.append(f"failed: {request.url}")

    def _said(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.wrong.append(f"console {message.type}: {message.text}")

    def _answered(self, response: Any) -> None:
        parts = urlsplit(response.url)
        if parts.scheme in {"http", "https"} and parts.netloc != self.host:
            self.wrong.append(f"foreign host: {response.url}")
        if response.status >= 400:
            self.wrong.append(f"{response.status}: {response.url}")

    def open(self, path: str, shot: str) -> None:
        """Opens a page, takes its picture, and says what is wrong with it."""
        self.wrong.clear()
        response = self.page.goto(self.base + path)
        assert response is not None
        assert response.status == 200, path
        self.look(path, shot)

    def look(self, what: str, shot: str) -> None:
        """Takes a picture of the page as it stands, and says what is wrong with it."""
        self.page.evaluate(SETTLED)
        self.page.screenshot(path=SHOTS / f"{shot}.png", full_page=True)
        width = self.page.evaluate("document.documentElement.scrollWidth")
        assert self.page.viewport_size is not None
        if width > self.page.viewport_size["width"]:
            self.wrong.append(f"{width} px wide")
        self.wrong += self.page.evaluate(PALE)
        assert self.wrong == [], f"{what}: {self.wrong}"


def in_all_modes(look: Look, name: str) -> list[str]:
    """Looks at a page as it stands in light and dark, wide and narrow; gives what is wrong."""
    problems = []
    for scheme, is_dark in SCHEMES.items():
        look.page.emulate_media(color_scheme=scheme)
        # As the theme does when a page is opened.
        look.page.evaluate(
            "dark => document.documentElement.classList.toggle('dark', dark)", is_dark
        )
        for width, height in (WIDE, NARROW):
            look.page.set_viewport_size({"width": width, "height": height})
            try:
                look.look(name, f"{name}-{width}-{scheme}")
            except AssertionError as error:
                problems.append(f"{width} {scheme}: {error}")
            look.wrong.clear()
    look.page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    return problems


def tab_to(page: Page, selector: str, *, most: int = 80) -> None:
    """Presses Tab until an element has the focus; each stop on the way must be seen."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            continue  # a page that has just come takes its first key late under load
        assert focus_is_seen(page), page.evaluate("document.activeElement.outerHTML")[:200]
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            return
    pytest.fail(f"{selector} is not reached by the keyboard")


def focus_is_seen(page: Page) -> bool:
    """Tells whether whatever has the focus, or the box that it stands in, shows a ring."""
    return bool(
        page.evaluate(
            """() => {
                let node = document.activeElement;
                for (let up = 0; node && up < 3; up += 1, node = node.parentElement) {
                    const style = getComputedStyle(node);
                    const ring = style.outlineStyle !== 'none' && style.outlineWidth !== '0px';
                    if (ring || style.boxShadow !== 'none') return true;
                }
                return false;
            }"""
        )
    )
