"""Hostile values, and how a fuzz test runs."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

a_few = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
"""What ``make test`` runs of each, so that none of them rots. ``make fuzz`` runs them for as long as it is told."""

NASTY = (
    *("", " ", ".", "..", "../../etc/passwd", "-1", "0", "1", "1e999", "NaN", "-inf", "0x10", "１２", "9" * 400),
    *(
        "null",
        "true",
        "[]",
        "{}",
        "%00",
        "%2e%2e",
        "\x00",
        "\x0b",
        "\r\nX-Evil: 1",
        "\t",
        "\ufeff",
        "\u202egpj",
        "\ufffe",
    ),
    *("'; DROP TABLE variants; --", '" OR 1=1', "<script>alert(1)</script>", "{{ 7*7 }}", "${7*7}", "a" * 5000),
    *(
        "ä",
        "e\u0301",
        "😀",
        "変異",
        "İ",
        "ß",
        "//evil.example",
        "javascript:alert(1)",
        "alice@example.org",
        "__class__",
    ),
)

texts = st.sampled_from(NASTY) | st.text(max_size=40)
"""No half characters: nothing that is decoded from UTF-8 has any."""
headers = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=60)
"""Values of headers, as a server hands them on."""
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
