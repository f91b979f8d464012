/** Body of `POST /logging`. */
import { Type } from 'typebox';
import { int, nonEmptyText, oneOf, optional } from './parts.ts';

/** Longest time until a level goes back, in seconds: a day. */
const maxDurationSeconds = 86_400;

export const loggingBody = Type.Object({
  level: oneOf('trace', 'debug', 'info', 'warn', 'error'),
  logger: nonEmptyText,
  durationSeconds: optional(int(1, maxDurationSeconds)),
});
