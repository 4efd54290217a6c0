"""Checks who may ask. The comparison takes as long for a wrong secret as for a right one. Pure."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable
from hashlib import sha256

from ninefold.kube.api import Key


def signature(key: bytes, canary: Key) -> str:
    """Returns the signature that a canary's webhooks send instead of a token: HMAC-SHA-256 over "namespace/name", in
    hexadecimal digits.

    >>> signature(b"key", Key("shop", "checkout"))[:16]
    '886b6494a6f4eaae'
    """
    return hmac.new(key, _bytes(str(canary)), sha256).hexdigest()


def signed(keys: Iterable[bytes], canary: Key, given: str) -> bool:
    """Whether one of the keys made this signature."""
    return _any_equal((signature(key, canary).encode() for key in keys), _bytes(given.strip().lower()))


def admitted(tokens: Iterable[bytes], authorization: str) -> bool:
    """Whether a header holds one of the tokens, as "Bearer TOKEN" or as the password of "Basic ..."."""
    given = _token(authorization)
    return given is not None and _any_equal(tokens, given)


def _token(authorization: str) -> bytes | None:
    scheme, _, rest = authorization.strip().partition(" ")
    if scheme.lower() == "bearer":
        return _bytes(rest.strip())
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest.strip(), validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return None
    return None


def _bytes(text: str) -> bytes:
    """Returns the bytes as they came over the wire: a header that is not UTF-8 is read with surrogates instead of its
    bytes. Other surrogates come from JSON, and match no secret."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _any_equal(secrets: Iterable[bytes], given: bytes) -> bool:
    """Whether a secret equals `given`. Compares digests, so that the time does not depend on lengths, and always
    compares all secrets."""
    digest = sha256(given).digest()
    equal = False
    for secret in secrets:
        equal |= hmac.compare_digest(sha256(secret).digest(), digest)
    return equal
