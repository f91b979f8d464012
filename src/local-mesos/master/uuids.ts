/** Random 16-byte ids in base64, as updates carry them; drawn from a pool, since there are thousands a second. */
import { randomFillSync } from 'node:crypto';

const uuidBytes = 16;
const pool = Buffer.allocUnsafe(uuidBytes * 512);
let used = pool.length;

export function randomUuidBase64(): string {
  if (used >= pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const uuid = pool.toString('base64', used, used + uuidBytes);
  used += uuidBytes;
  return uuid;
}
