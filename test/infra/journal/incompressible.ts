import { randomBytes } from 'node:crypto';

/** Text of that many characters that deflate makes no smaller than three quarters. */
export const incompressible = (length: number): string =>
  randomBytes(Math.ceil((length * 3) / 4))
    .toString('base64')
    .slice(0, length);
