import base64
import hmac
import json
import time

TOLERANCE = 5 * 60  # seconds


class NotVerified(Exception):
    """The request is not from the sender, was changed, or is not of now."""


def verify(key, body, headers):
    """Return the event of a request, or raise NotVerified.

    key is the webhook's signing_secret (whsec_...) or public_key (whpk_...), body the bytes that came, before
    anything parsed them, and headers a mapping that knows the names in lower case.
    """
    message_id = headers.get("webhook-id")
    timestamp = headers.get("webhook-timestamp")
    signatures = headers.get("webhook-signature")
    if not message_id or not timestamp or not signatures:
        raise NotVerified("a header is missing")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > TOLERANCE:
        raise NotVerified("the request is too old or from the future")
    signed = f"{message_id}.{timestamp}.".encode() + body
    fits = _fits_ed25519 if key.startswith("whpk_") else _fits_hmac
    for one in signatures.split(" "):
        version, _, signature = one.partition(",")
        if fits(key, signed, version, signature):
            return json.loads(body)
    raise NotVerified("no signature matches")


def _fits_hmac(key, signed, version, signature):
    secret = base64.b64decode(key.removeprefix("whsec_"), validate=True)
    want = base64.b64encode(hmac.digest(secret, signed, "sha256"))
    return version == "v1" and hmac.compare_digest(want, signature.encode())


def _fits_ed25519(key, signed, version, signature):
    # The standard library has no ed25519: pip install cryptography, or Debian's python3-cryptography.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    public_key = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.removeprefix("whpk_"), validate=True))
    try:
        public_key.verify(base64.b64decode(signature, validate=True), signed)
    except (InvalidSignature, ValueError):
        return False
    return version == "v1a"
