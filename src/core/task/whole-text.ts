/** Cutting bytes where characters end (UTF-8, RFC 3629). */

/** How many bytes the character takes that begins with this byte; 0 for one that begins none. */
function lengthOf(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc0) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf8 ? 4 : 0;
}

/** How many bytes there are up to the last character that is whole. What is no UTF-8 counts as whole: nothing will complete it. */
export function wholeLength(bytes: Uint8Array): number {
  const end = bytes.length;
  for (let back = 1; back <= Math.min(3, end); back++) {
    const length = lengthOf(bytes[end - back] ?? 0);
    // Continuation bytes lead back to the beginning of their character.
    if (length === 0) continue;
    return length > back ? end - back : end;
  }
  return end;
}
