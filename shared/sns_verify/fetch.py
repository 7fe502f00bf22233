"""Fetching a signing certificate over verified TLS."""

from __future__ import annotations

import time

import requests
import urllib3

from shared.sns_verify.errors import Undecided

MAX_CERTIFICATE = 16 * 1024
"""Bytes. SNS's certificates have about two thousand."""

_CONNECT_SECONDS = 2.0
_READ_SECONDS = 2.0
_TOTAL_SECONDS = 4.0


def fetch_certificate(url: str) -> bytes:
    """What lies at ``url``, at most `MAX_CERTIFICATE` bytes and one more.

    Raises `Undecided` for every other answer than 200, for silence and for what takes longer than four seconds.

    Nothing in the environment changes where it connects or whom it trusts: no proxies, no .netrc, no other
    authorities than certifi's. Redirects are not followed. Who needs a proxy hands in a fetcher of his own.
    """
    deadline = time.monotonic() + _TOTAL_SECONDS
    try:
        with requests.Session() as session:
            session.trust_env = False
            with session.get(
                url,
                stream=True,
                allow_redirects=False,
                timeout=(_CONNECT_SECONDS, _READ_SECONDS),
                headers={"Accept-Encoding": "identity"},
            ) as response:
                if response.status_code != requests.codes.ok:
                    raise Undecided(
                        "certificate-unavailable", f"The certificate's host answered {response.status_code}, not 200."
                    )
                return _read(response, deadline)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise Undecided(
            "certificate-unavailable", f"The certificate's host did not answer ({type(error).__name__})."
        ) from error


def _read(response: requests.Response, deadline: float) -> bytes:
    body = b""
    while len(body) <= MAX_CERTIFICATE:
        # read1 answers what is there, where read would wait for more: a body that drips cannot outlive the deadline
        part: bytes = response.raw.read1(MAX_CERTIFICATE + 1 - len(body), decode_content=False)
        if not part:
            return body
        if time.monotonic() > deadline:
            raise Undecided("certificate-unavailable", "The certificate's host answers too slowly.")
        body += part
    return body
