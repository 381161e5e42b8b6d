// What callers get while the agent takes no calls.

/** @param {{ fallbackNumber: string | null }} agent */
export function whileInactive({ fallbackNumber }) {
  const callers = fallbackNumber
    ? `Callers are put through to ${fallbackNumber}`
    : 'Callers hear a message that nobody can take the call';
  return `${callers}, unless a routing rule of the number decides otherwise.`;
}
