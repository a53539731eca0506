"""A headless Chromium that looks at a page as its readers do: in light and dark, at several widths, and on paper."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

LOOK = Path(__file__).resolve().parent / "look.js"
SCHEMES, WIDTHS = ("light", "dark"), (360, 768, 1280)
MISSING, TWICE = "a figure is not shown", "a figure is shown twice"
REQUEST, CONSOLE = "the page asks for something", "the console says"


@dataclass(frozen=True)
class Fault:
    what: str
    where: str
    scheme: str = ""
    width: int = 0


def _require_localhost() -> None:
    """chromedriver is reached by that name, which a bare debootstrap does not know; Selenium would wait, and not say so."""
    try:
        socket.getaddrinfo("localhost", None)
    except socket.gaierror:
        raise OSError("this machine does not know `localhost`: write `127.0.0.1 localhost` into /etc/hosts") from None


class Browser:
    def __init__(self) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for word in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                     *(["--no-sandbox"] if os.geteuid() == 0 else [])):
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        _require_localhost()
        self._driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self._driver.set_page_load_timeout(120)
        self._driver.set_script_timeout(120)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, _type: type[BaseException] | None, _value: BaseException | None,
                 _trace: TracebackType | None) -> None:
        self._driver.quit()

    def faults(self, page: Path, stems: Iterable[str], schemes: Iterable[str] = SCHEMES,
               widths: Iterable[int] = WIDTHS) -> list[Fault]:
        """All that is wrong with the page, which should show the figures `stems`, once each."""
        wanted, found = set(stems), []
        for kind in ("performance", "browser"):
            self._driver.get_log(kind)
        self._driver.get(page.as_uri())
        for scheme in schemes:
            for width in widths:
                self._hold(scheme, width)
                seen = self._driver.execute_script(LOOK.read_text())
                found += [Fault(what, where, scheme, width) for what, where in seen["faults"]]
                found += [Fault(MISSING, stem, scheme, width) for stem in sorted(wanted) if not seen["shown"].get(stem)]
                found += [Fault(TWICE, stem, scheme, width) for stem, times in seen["shown"].items() if times > 1]
        return found + [Fault(REQUEST, url) for url in self._requests() if url != page.as_uri()] + [
            Fault(CONSOLE, entry["message"]) for entry in self._driver.get_log("browser")]

    def on_paper(self, page: Path) -> dict[str, Any]:
        """How the page would be printed by somebody who reads in dark."""
        self._driver.get(page.as_uri())
        self._hold("dark", 768, "print")
        return dict(self._driver.execute_script("""
            const height = (element) => element.getBoundingClientRect().height;
            return {paper: getComputedStyle(document.body).backgroundColor, ink: getComputedStyle(document.body).color,
                    details: [...document.querySelectorAll("details")].map((one) => height(one.querySelector("table"))),
                    unsplit: [...document.querySelectorAll("figure")].every(
                        (one) => getComputedStyle(one).breakInside === "avoid"),
                    drawings: [...document.querySelectorAll("figure")].map(
                        (one) => [...one.querySelectorAll("svg")].filter((svg) => height(svg) > 0).length)};"""))

    def _hold(self, scheme: str, width: int, media: str = "screen") -> None:
        self._driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500})
        self._driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "media": media, "features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def _requests(self) -> list[str]:
        """The addresses that were asked for; `data:` is in the page itself."""
        messages = (json.loads(entry["message"])["message"] for entry in self._driver.get_log("performance"))
        urls = [str(message["params"]["request"]["url"]) for message in messages
                if message["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith("data:")]
