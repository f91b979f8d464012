/** The rules of the example game, and the app definition that starts it. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

interface Tile {
  readonly id: number;
  readonly row: number;
  readonly column: number;
  readonly value: number;
}
interface Game {
  readonly tiles: readonly Tile[];
  readonly absorbed: readonly Tile[];
  readonly score: number;
  readonly isWon: boolean;
  readonly isLost: boolean;
  readonly random: number;
  readonly nextId: number;
}
interface Slid extends Pick<Game, 'tiles' | 'absorbed'> {
  readonly gained: number;
  readonly hasMoved: boolean;
}
interface Rules {
  readonly directions: readonly string[];
  readonly newGame: (seed: number) => Game;
  readonly move: (game: Game, direction: string) => Game;
  readonly canMove: (tiles: readonly Tile[]) => boolean;
  readonly slide: (tiles: readonly Tile[], direction: string) => Slid;
}

const folder = new URL('../../examples/2048/', import.meta.url);
const post = fileURLToPath(new URL('post.mjs', folder));
const run = promisify(execFile);
const { directions, newGame, move, canMove, slide }: Rules = await import(new URL('page/game.js', folder).href);

type Rows = readonly (readonly number[])[];

const tilesOf = (rows: Rows): Tile[] =>
  rows
    .flatMap((row, r) => row.map((value, c) => ({ id: r * 4 + c + 1, row: r, column: c, value })))
    .filter(({ value }) => value !== 0);

function rowsOf(tiles: readonly Tile[]): number[][] {
  const rows = Array.from({ length: 4 }, () => [0, 0, 0, 0]);
  for (const { row, column, value } of tiles) rows[row]![column] = value;
  return rows;
}

const boards = fc.array(fc.array(fc.constantFrom(0, 2, 4, 8), { minLength: 4, maxLength: 4 }), {
  minLength: 4,
  maxLength: 4,
});
const anyDirection = fc.constantFrom('up', 'right', 'down', 'left');

describe('a row that slides to the left', () => {
  it.each<[number[], number[], number]>([
    [[0, 0, 0, 0], [0, 0, 0, 0], 0],
    [[0, 0, 0, 2], [2, 0, 0, 0], 0],
    [[2, 2, 0, 0], [4, 0, 0, 0], 4],
    [[2, 0, 0, 2], [4, 0, 0, 0], 4],
    [[2, 2, 2, 0], [4, 2, 0, 0], 4],
    [[2, 2, 2, 2], [4, 4, 0, 0], 8],
    [[4, 2, 2, 0], [4, 4, 0, 0], 4],
    [[2, 2, 4, 8], [4, 4, 8, 0], 4],
    [[8, 0, 8, 16], [16, 16, 0, 0], 16],
    [[2, 4, 8, 16], [2, 4, 8, 16], 0],
  ])('turns %j into %j and gains %i', (before, after, gained) => {
    const slid = slide(tilesOf([before]), 'left');
    expect(rowsOf(slid.tiles)[0]).toEqual(after);
    expect(slid.gained).toBe(gained);
    expect(slid.hasMoved).toBe(JSON.stringify(before) !== JSON.stringify(after));
  });
});

describe('a move', () => {
  it.each<[string, Rows]>([
    [
      'left',
      [
        [4, 4, 0, 0],
        [2, 0, 0, 0],
        [0, 0, 0, 0],
        [8, 0, 0, 0],
      ],
    ],
    [
      'right',
      [
        [0, 0, 4, 4],
        [0, 0, 0, 2],
        [0, 0, 0, 0],
        [0, 0, 0, 8],
      ],
    ],
    [
      'up',
      [
        [2, 2, 4, 2],
        [8, 0, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
      ],
    ],
    [
      'down',
      [
        [0, 0, 0, 0],
        [0, 0, 0, 0],
        [2, 0, 0, 0],
        [8, 2, 4, 2],
      ],
    ],
  ])('goes %s on the whole board', (direction, after) => {
    const before = [
      [2, 2, 2, 2],
      [0, 0, 2, 0],
      [0, 0, 0, 0],
      [8, 0, 0, 0],
    ];
    expect(rowsOf(slide(tilesOf(before), direction).tiles)).toEqual(after);
  });

  it('keeps the id of the tile nearest to the wall and names the one it took in', () => {
    const slid = slide(tilesOf([[0, 2, 0, 2]]), 'left');
    expect(slid.tiles).toEqual([{ id: 2, row: 0, column: 0, value: 4 }]);
    expect(slid.absorbed).toEqual([{ id: 4, row: 0, column: 0, value: 2 }]);
  });

  it('adds up to what was there, and mirrors itself', () => {
    fc.assert(
      fc.property(boards, anyDirection, (rows, direction) => {
        const tiles = tilesOf(rows);
        const sum = (all: readonly Tile[]) => all.reduce((total, { value }) => total + value, 0);
        expect(sum(slide(tiles, direction).tiles)).toBe(sum(tiles));
        const mirrored = rows.map((row) => [...row].reverse());
        const back = rowsOf(slide(tilesOf(mirrored), 'right').tiles).map((row) => row.reverse());
        expect(back).toEqual(rowsOf(slide(tiles, 'left').tiles));
      }),
    );
  });

  it('that changes nothing returns the same game and adds no tile', () => {
    const game: Game = { ...newGame(1), tiles: tilesOf([[2, 4, 0, 0]]) };
    expect(move(game, 'left')).toBe(game);
    expect(move(game, 'up')).toBe(game);
    expect(move(game, 'right').tiles).toHaveLength(3);
  });
});

describe('a game', () => {
  it('starts with two tiles and is the same for the same seed', () => {
    expect(newGame(7).tiles).toHaveLength(2);
    expect(newGame(7)).toEqual(newGame(7));
    expect(newGame(7).tiles).not.toEqual(newGame(8).tiles);
  });

  it('never has two tiles in one place, and its score only grows', () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(anyDirection, { maxLength: 200 }), (seed, moves) => {
        let game = newGame(seed);
        for (const direction of moves) {
          const next = move(game, direction);
          expect(new Set(next.tiles.map(({ row, column }) => row * 4 + column)).size).toBe(next.tiles.length);
          expect(new Set(next.tiles.map(({ id }) => id)).size).toBe(next.tiles.length);
          expect(next.score).toBeGreaterThanOrEqual(game.score);
          expect(next.isLost).toBe(next !== game ? !canMove(next.tiles) : game.isLost);
          game = next;
        }
      }),
    );
  });

  it('is won by a tile of 2048 and lost when the board is full and stuck', () => {
    const nearlyWon: Game = { ...newGame(1), tiles: tilesOf([[1024, 1024, 0, 0]]) };
    expect(move(nearlyWon, 'left')).toMatchObject({ isWon: true, score: 2048, isLost: false });
    expect(
      canMove(
        tilesOf([
          [2, 4, 2, 4],
          [4, 2, 4, 2],
          [2, 4, 2, 4],
          [4, 2, 4, 2],
        ]),
      ),
    ).toBe(false);
    expect(
      canMove(
        tilesOf([
          [2, 4, 2, 4],
          [4, 2, 4, 2],
          [2, 4, 2, 4],
          [4, 2, 4, 4],
        ]),
      ),
    ).toBe(true);
  });

  it('knows four directions', () => {
    expect(directions).toEqual(['up', 'right', 'down', 'left']);
  });
});

describe('the app definition', () => {
  const text = readFileSync(new URL('app.json', folder), 'utf8');

  it('can be posted as it is: the fetched folder is named from where the local cluster was started', () => {
    const app = JSON.parse(text);
    expect(app).toMatchObject({ id: '/2048', instances: 2, healthChecks: [{ path: '/', portIndex: 0 }] });
    expect(app.fetch).toEqual([{ uri: 'examples/2048' }]);
    expect(existsSync(new URL('../../examples/2048/server.mjs', import.meta.url))).toBe(true);
  });

  it('is sent by post.mjs with an absolute place to fetch from, and with the credentials of the address', async () => {
    const asked: object[] = [];
    const server = createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      const { method, url, headers } = request;
      asked.push({ method, url, authorization: headers.authorization, fetch: JSON.parse(text).fetch });
      response.writeHead(asked.length === 1 ? 201 : 422).end('{"message":"no"}');
    }).listen(0, '127.0.0.1');
    try {
      await once(server, 'listening');
      const address = `http://me:secret@127.0.0.1:${(server.address() as AddressInfo).port}`;
      const { stdout } = await run(process.execPath, [post, address]);
      expect(stdout).toContain('/2048 is on its way');
      expect(stdout).not.toContain('secret');
      expect(asked).toEqual([
        {
          method: 'PUT',
          url: '/v2/apps/2048',
          authorization: `Basic ${Buffer.from('me:secret').toString('base64')}`,
          fetch: [{ uri: new URL('../../examples/2048', import.meta.url).href }],
        },
      ]);
      await expect(run(process.execPath, [post, address])).rejects.toMatchObject({ code: 1 });
    } finally {
      server.close();
    }
  });
});
