// Passkeys in the browser: options and answers are JSON, bytes in them are base64url.

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const described = (list = []) => list.map((each) => ({ ...each, id: bytes(each.id) }));

const READABLE = {
  NotAllowedError: "The authenticator was not used: cancelled, not recognised, or too late. Nothing was signed.",
  InvalidStateError: "This authenticator holds a passkey of this person already.",
  NotSupportedError: "This authenticator cannot make the kind of key that is needed (ES256).",
  SecurityError: "This page may not use that passkey: it was made for another address.",
};

async function asked(question) {
  if (!navigator.credentials || !window.PublicKeyCredential) {
    throw new Error("This browser has no passkeys here: they need https, or http://localhost.");
  }
  try {
    return await question();
  } catch (error) {
    throw new Error(READABLE[error.name] || `The authenticator failed: ${error.message}`, { cause: error });
  }
}

// A new passkey by `registration_options`; the answer is what `credential_of` reads.
export async function register(options) {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: described(options.excludeCredentials),
  };
  const made = await asked(() => navigator.credentials.create({ publicKey }));
  return {
    id: made.id,
    rawId: text(made.rawId),
    type: made.type,
    response: {
      clientDataJSON: text(made.response.clientDataJSON),
      attestationObject: text(made.response.attestationObject),
    },
  };
}

// An assertion by `assertion_options`; the answer is what `evidence_of` reads.
export async function assertion(options) {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    allowCredentials: described(options.allowCredentials),
  };
  const used = await asked(() => navigator.credentials.get({ publicKey }));
  return {
    id: used.id,
    rawId: text(used.rawId),
    type: used.type,
    response: {
      authenticatorData: text(used.response.authenticatorData),
      clientDataJSON: text(used.response.clientDataJSON),
      signature: text(used.response.signature),
    },
  };
}
