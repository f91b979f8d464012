/** The texts of the agent's flags: `cpus:4;mem:8192;ports:[31000-32000]` and `rack:a;zone:z` (mesos-v1 §3.5). */
import type { Attribute, Range, Resource } from '../../core/mesos/types.ts';
import { err, ok, type Result } from '../../core/result.ts';

/** Parses resources; a role stands in brackets behind the name: `cpus(dev):2`. The error is one sentence. */
export function parseResources(text: string): Result<readonly Resource[], string> {
  const resources: Resource[] = [];
  for (const part of splitList(text)) {
    const match = /^\s*([^():;]+?)\s*(?:\(([^)]*)\))?\s*:\s*(.*?)\s*$/.exec(part);
    if (match === null) return err(`resources: "${part.trim()}" is not of the form name:value`);
    const name = match[1] as string;
    const value = match[3] as string;
    const resource = parseResource(name, match[2] ?? '*', value);
    if (resource === undefined) return err(`resources: "${value}" is not a value for ${name}`);
    resources.push(resource);
  }
  return ok(resources);
}

function parseResource(name: string, role: string, value: string): Resource | undefined {
  const reserved = role === '*' || role === '' ? {} : { reservations: [{ type: 'STATIC' as const, role }] };
  if (/^\d+(\.\d+)?$/.test(value)) return { name, type: 'SCALAR', scalar: { value: Number(value) }, ...reserved };
  if (value.startsWith('[')) {
    const range = parseRanges(value);
    return range === undefined ? undefined : { name, type: 'RANGES', ranges: { range }, ...reserved };
  }
  if (!/^\{.*\}$/.test(value)) return undefined;
  const item = value
    .slice(1, -1)
    .split(',')
    .map((one) => one.trim());
  return { name, type: 'SET', set: { item }, ...reserved };
}

function parseRanges(value: string): readonly Range[] | undefined {
  if (!value.endsWith(']')) return undefined;
  const ranges: Range[] = [];
  for (const part of value.slice(1, -1).split(',')) {
    const match = /^\s*(\d+)\s*-\s*(\d+)\s*$/.exec(part);
    if (match === null) return undefined;
    const range = { begin: Number(match[1]), end: Number(match[2]) };
    if (range.begin > range.end) return undefined;
    ranges.push(range);
  }
  return ranges;
}

/** Parses attributes: a number is a SCALAR, `[a-b]` RANGES, everything else TEXT. The error is one sentence. */
export function parseAttributes(text: string): Result<readonly Attribute[], string> {
  const attributes: Attribute[] = [];
  for (const part of splitList(text)) {
    const colon = part.indexOf(':');
    const name = part.slice(0, Math.max(colon, 0)).trim();
    const value = part.slice(colon + 1).trim();
    if (name === '' || value === '') return err(`attributes: "${part.trim()}" is not of the form name:value`);
    const range = value.startsWith('[') ? parseRanges(value) : undefined;
    if (range !== undefined) attributes.push({ name, type: 'RANGES', ranges: { range } });
    else if (/^-?\d+(\.\d+)?$/.test(value)) attributes.push({ name, type: 'SCALAR', scalar: { value: Number(value) } });
    else attributes.push({ name, type: 'TEXT', text: { value } });
  }
  return ok(attributes);
}

/**
 * The text for one agent of several: sets separated by `|` are dealt out in turn, and `{n}` is the agent's number, from 1.
 */
export function textForAgent(text: string, agentNumber: number): string {
  const sets = text.split('|');
  return (sets[(agentNumber - 1) % sets.length] ?? '').replaceAll('{n}', String(agentNumber));
}

function splitList(text: string): string[] {
  return text.split(';').filter((part) => part.trim() !== '');
}
