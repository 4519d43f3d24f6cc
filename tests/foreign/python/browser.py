"""Plays the person: plain form posts, as a browser without JavaScript would send them."""

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests

# More pages and redirects than a sign-in has.
HOPS_MAX = 12


class Form(HTMLParser):
    """The first form of a page: where it goes, and its fields by name."""

    def __init__(self, page):
        super().__init__()
        self.action = None
        self.fields = {}
        self.names = set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "form" and self.action is None:
            self.action = attributes.get("action") or ""
        if tag in ("input", "button") and attributes.get("name"):
            self.names.add(attributes["name"])
            if attributes.get("type") == "hidden":
                self.fields[attributes["name"]] = attributes.get("value") or ""


def sign_in(start, redirect_uri, username, password):
    """Fills the login form, presses Allow, and answers the URL the client is called back with."""
    browser = requests.Session()
    browser.trust_env = False
    url, fields = start, None
    for _ in range(HOPS_MAX):
        if url.startswith(redirect_uri):
            return url
        if fields is None:
            response = browser.get(url, allow_redirects=False)
        else:
            parts = urlsplit(url)
            origin = {"Origin": f"{parts.scheme}://{parts.netloc}"}
            response = browser.post(url, data=fields, headers=origin, allow_redirects=False)
        if "location" in response.headers:
            url, fields = urljoin(url, response.headers["location"]), None
            continue
        assert response.ok, f"{response.status_code} at {url}: {response.text[:400]}"
        form = Form(response.text)
        fields = dict(form.fields)
        if "password" in form.names:
            fields |= {"username": username, "password": password}
        else:
            fields["decision"] = "allow"
        url = urljoin(url, form.action)
    raise AssertionError("the sign-in goes in circles")
