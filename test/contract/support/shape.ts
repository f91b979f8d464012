/** The members of a JSON value, nested ones included: path → type. Elements of lists count as one. */
export function shapeOf(value: unknown): Readonly<Record<string, string>> {
  const shape: Record<string, string> = {};
  const visit = (inner: unknown, path: string): void => {
    if (Array.isArray(inner)) {
      shape[path] = 'array';
      for (const element of inner) visit(element, `${path}[]`);
    } else if (typeof inner === 'object' && inner !== null) {
      if (path !== '') shape[path] = 'object';
      for (const [name, member] of Object.entries(inner)) visit(member, `${path}/${name}`);
    } else shape[path] = inner === null ? 'null' : typeof inner;
  };
  visit(value, '');
  return shape;
}
