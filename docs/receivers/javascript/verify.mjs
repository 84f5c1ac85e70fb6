import { createPublicKey, verify as verifySignature } from "node:crypto";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

const tolerance = 5 * 60; // seconds

// verify returns the event of a request, or throws. key is the webhook's signing_secret (whsec_…) or public_key
// (whpk_…), body the Buffer that came, before anything parsed it, and headers an object such as req.headers.
export function verify(key, body, headers) {
  if (!key.startsWith("whpk_")) {
    return new Webhook(key).verify(body, headers);
  }
  // The library knows no ed25519, but Node.js does.
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures } = headers;
  if (!id || !signatures || !/^\d+$/.test(timestamp) || Math.abs(Date.now() / 1000 - timestamp) > tolerance) {
    throw new WebhookVerificationError("A header is missing, or the request is too old or from the future");
  }
  const x = Buffer.from(key.slice("whpk_".length), "base64").toString("base64url");
  const publicKey = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  for (const signature of signatures.split(" ")) {
    const [version, text] = signature.split(",");
    if (version === "v1a" && verifySignature(null, signed, publicKey, Buffer.from(text ?? "", "base64"))) {
      return JSON.parse(body);
    }
  }
  throw new WebhookVerificationError("No matching signature found");
}
