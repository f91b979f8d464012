/** The log: one JSON line for each entry, on standard error, so that standard output stays for people. */
import pino from 'pino';
import type { Logger } from '../actors/ports.ts';

/** A logger whose level can be changed while it runs. */
export interface LeveledLogger extends Logger {
  readonly level: { readonly get: () => string; readonly set: (level: string) => void };
}

/** A logger of this level (`trace` … `fatal`). Writes synchronously: the last lines before a crash are the ones that matter. */
export function createLogger(level: string): LeveledLogger {
  const log = pino({ level, base: null }, pino.destination({ dest: 2, sync: true }));
  return {
    level: {
      get: () => log.level,
      set: (to) => {
        log.level = to;
      },
    },
    debug: (event, fields) => log.debug({ event, ...fields }),
    info: (event, fields) => log.info({ event, ...fields }),
    warn: (event, fields) => log.warn({ event, ...fields }),
    error: (event, fields, cause) => log.error({ event, ...fields, ...(cause === undefined ? {} : { err: cause }) }),
  };
}
