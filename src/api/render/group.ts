/** Groups as `/v2/groups` shows them (rest-api §4.1, §7.17). */
import type { GroupView } from '../../actors/front.ts';
import type { GroupEmbeds } from '../embed.ts';
import type { AppRuns } from '../lists/app-runs.ts';
import { type Piece, pieceOf } from '../lists/piece.ts';
import type { AppRenderer } from './app-info.ts';

/** Text that is put together piece by piece: what is added as text becomes one piece up to the next ready one. */
class Writer {
  readonly pieces: Piece[] = [];
  #text: string[] = [];

  text(text: string): void {
    this.#text.push(text);
  }

  ready(pieces: readonly Piece[]): void {
    this.end();
    for (const piece of pieces) this.pieces.push(piece);
  }

  end(): readonly Piece[] {
    if (this.#text.length > 0) this.pieces.push(pieceOf(this.#text.join('')));
    this.#text = [];
    return this.pieces;
  }
}

/**
 * The JSON of a group with what is embedded. `enforceRole` is shown where somebody has set it: readers from before roles throw on it.
 * There are no pods. Lists that are not embedded are empty, as in Marathon since 1.9.
 */
export function groupJson(group: GroupView, embeds: GroupEmbeds, apps: AppRenderer, nowMs: number): string {
  const writer = new Writer();
  write(writer, group, { embeds, apps, nowMs, runs: undefined });
  return writer
    .end()
    .map(({ plain }) => plain.toString())
    .join('');
}

/** The same as pieces, where the apps of large groups are those from before. `runs` must render apps as a group without embeds does. */
export function groupPieces(
  group: GroupView,
  embeds: GroupEmbeds,
  apps: AppRenderer,
  nowMs: number,
  runs: AppRuns,
): readonly Piece[] {
  const writer = new Writer();
  const isBare = Object.values(embeds.ofApps).every((isShown) => !isShown);
  write(writer, group, { embeds, apps, nowMs, runs: isBare ? runs : undefined });
  return writer.end();
}

interface Parts {
  readonly embeds: GroupEmbeds;
  readonly apps: AppRenderer;
  readonly nowMs: number;
  readonly runs: AppRuns | undefined;
}

function write(writer: Writer, group: GroupView, parts: Parts): void {
  const { embeds, apps, nowMs, runs } = parts;
  writer.text(`{"id":${JSON.stringify(group.id)},"apps":[`);
  if (embeds.apps) {
    const ready = runs?.pieces(group.id, group.apps);
    if (ready) writer.ready(ready);
    else writer.text(group.apps.map((app) => apps.info(app, embeds.ofApps, nowMs)).join(','));
  }
  writer.text('],"groups":[');
  if (embeds.groups) {
    for (const [i, one] of group.groups.entries()) {
      if (i > 0) writer.text(',');
      write(writer, one, parts);
    }
  }
  writer.text(`],"pods":[],"dependencies":${JSON.stringify(group.dependencies)}`);
  writer.text(`,"version":${JSON.stringify(group.version)}`);
  if (group.enforceRole !== undefined) writer.text(`,"enforceRole":${group.enforceRole}`);
  writer.text('}');
}
