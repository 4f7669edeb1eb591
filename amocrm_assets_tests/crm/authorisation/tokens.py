"""Access tokens as amoCRM shapes them, for tests that need one with certain claims."""

from __future__ import annotations

import base64
import json


def jwt(**claims: object) -> str:
    """An unsigned token; nobody here verifies a signature."""
    parts = [{"typ": "JWT", "alg": "RS256"}, {"aud": "integration", **claims}, {"signature": "none"}]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
