/** Equality of JSON values: by content, the order of an object's members does not count, an absent member equals `undefined`. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => isSame(item, b[i]));
  }
  return hasSameMembers(a as Record<string, unknown>, b as Record<string, unknown>);
}

function hasSameMembers(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  for (const name of Object.keys(a)) if (!isSame(a[name], Object.hasOwn(b, name) ? b[name] : undefined)) return false;
  for (const name of Object.keys(b)) if (b[name] !== undefined && !Object.hasOwn(a, name)) return false;
  return true;
}

/** Equality of lists whose order means nothing and in which a second mention adds nothing. */
export function isSameSet(a: readonly unknown[] | undefined, b: readonly unknown[] | undefined): boolean {
  if (a === b) return true;
  if (!a || !b) return false;
  const isWithin = (some: readonly unknown[], all: readonly unknown[]): boolean =>
    some.every((item, i) => isSame(item, all[i]) || all.some((other) => isSame(item, other)));
  return isWithin(a, b) && isWithin(b, a);
}
