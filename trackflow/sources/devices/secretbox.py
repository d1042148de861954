"""OwnTracks' encrypted messages (https://owntracks.org/booklet/features/encrypt).

They are libsodium's secretbox: 24 bytes of nonce, then the sealed JSON, all in base64. A key is up
to 32 characters, filled up with zeros.
"""

import base64
import binascii
from collections.abc import Sequence

KEY_BYTES = 32


def decrypted(data: object, keys: Sequence[str]) -> bytes | None:
    """The content of an encrypted message; None if no key fits."""
    from nacl.exceptions import CryptoError
    from nacl.secret import SecretBox

    if not isinstance(data, str):
        return None
    try:
        sealed = base64.b64decode(data, validate=False)
    except (binascii.Error, ValueError):
        return None
    for key in keys:
        box = SecretBox(key.encode()[:KEY_BYTES].ljust(KEY_BYTES, b"\0"))
        try:
            return bytes(box.decrypt(sealed))
        except (CryptoError, ValueError):
            continue
    return None
