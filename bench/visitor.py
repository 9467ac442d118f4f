"""A browser's part, in fifty lines: cookies, the CSRF token, ranges, live updates. Standard library only."""

import http.cookiejar
import json
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
KEY = re.compile(r'name="idempotency_key" value="([\w-]+)"')


class Visitor:
    """Somebody at a site."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def get(self, path: str, **headers: str) -> tuple[str, bytes]:
        """The address where it ended, and the body."""
        request = urllib.request.Request(urllib.parse.urljoin(self.site, path), headers=headers)
        with self.opener.open(request, timeout=60) as answer:
            return answer.url, answer.read()

    def post(self, path: str, page: bytes, **fields: object) -> tuple[str, bytes]:
        """Send the form of a page that was read before."""
        token = TOKEN.search(page.decode())
        assert token, f"no form in the page before {path}"
        data = urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": token.group(1)}).encode()
        request = urllib.request.Request(urllib.parse.urljoin(self.site, path), data)
        with self.opener.open(request, timeout=60) as answer:
            return answer.url, answer.read()

    def listen(self, path: str) -> Iterator[dict[str, Any]]:
        """The events of a stream as they come, the last of them included."""
        with self.opener.open(urllib.parse.urljoin(self.site, path), timeout=60) as stream:
            for line in stream:
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])

    def sign_in(self, email: str, password: str) -> None:
        _, page = self.get("/accounts/login/")
        url, _ = self.post("/accounts/login/", page, login=email, password=password)
        assert "/login" not in url, "the account does not let us in"
