// Idempotency keys: a request that is repeated with its key is carried out once.

/** A new key. crypto.randomUUID() exists in secure contexts only: not over plain HTTP on another host than this machine. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
