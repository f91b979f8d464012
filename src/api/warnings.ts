/** `Marathon-Warnings`: what a write did that its caller may not have meant, as ASCII JSON (design §7). */
import type { FastifyReply } from 'fastify';

/** Longest value, in bytes: proxies refuse long headers. */
export const maxWarningBytes = 4096;

/** Adds a warning to an answer; what does not fit is left out, and its count told. */
export function warn(reply: FastifyReply, message: string, ids: readonly string[]): void {
  const text = (shown: readonly string[]): string =>
    ascii(
      JSON.stringify([
        { message, ids: shown, ...(shown.length < ids.length ? { more: ids.length - shown.length } : {}) },
      ]),
    );
  let shown = ids;
  // Halved until it fits: a handful of rounds, however many there are.
  while (text(shown).length > maxWarningBytes && shown.length > 0) shown = shown.slice(0, Math.floor(shown.length / 2));
  reply.header('marathon-warnings', text(shown));
}

const ascii = (json: string): string =>
  json.replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Names the apps that a group request destroyed because it did not list them. */
export function warnOfRemoved(reply: FastifyReply, removed: readonly string[]): void {
  if (removed.length > 0) warn(reply, 'Apps that are not part of the new group are removed', removed);
}
