/** The example game in a real browser, served by its own small server as a task would. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasChromium, openBrowser, type Page, type TestBrowser } from '../support/browser.ts';

interface Tile {
  readonly row: number;
  readonly column: number;
  readonly value: number;
}
interface Game {
  readonly tiles: readonly Tile[];
  readonly score: number;
  readonly isLost: boolean;
}
interface Rules {
  readonly newGame: (seed: number) => Game;
  readonly move: (game: Game, direction: string) => Game;
}

const folder = new URL('../../examples/2048/', import.meta.url);
const { newGame, move }: Rules = await import(new URL('page/game.js', folder).href);

const browserTest = it.skipIf(!hasChromium);
const environment = {
  PATH: process.env['PATH'],
  PORT0: '0',
  MESOS_TASK_ID: 'the-task',
  MARATHON_APP_VERSION: 'the-version',
};
let browser: TestBrowser | undefined;
let server: ChildProcess;
let url: string;

beforeAll(async () => {
  server = spawn(process.execPath, [fileURLToPath(new URL('server.mjs', folder))], { env: environment });
  const [line] = await once(server.stdout!, 'data');
  url = /http:\S+/.exec(String(line))?.[0] ?? '';
  if (hasChromium) browser = await openBrowser();
});

afterAll(async () => {
  await browser?.close();
  server.kill('SIGKILL');
});

const squares = (tiles: readonly Tile[]): string[] => tiles.map((t) => `${t.row},${t.column}:${t.value}`).sort();

/** What the page shows, in the form of `squares`. */
async function shown(page: Page): Promise<string[]> {
  const texts = await page
    .locator('.tile[data-value]')
    .evaluateAll((tiles) =>
      tiles.map((tile) => ['row', 'column', 'value'].map((name) => tile.getAttribute(`data-${name}`) ?? '')),
    );
  return texts.map(([row, column, value]) => `${row},${column}:${value}`).sort();
}

async function expectGame(page: Page, game: Game): Promise<void> {
  expect(await shown(page)).toEqual(squares(game.tiles));
  expect(await page.locator('#score').textContent()).toBe(String(game.score));
}

const keys: readonly (readonly [string, string])[] = [
  ['ArrowLeft', 'left'],
  ['ArrowDown', 'down'],
  ['ArrowRight', 'right'],
  ['ArrowUp', 'up'],
  ['a', 'left'],
  ['s', 'down'],
  ['d', 'right'],
  ['w', 'up'],
];

describe('the page of the game', () => {
  browserTest('moves and merges by arrows and letters exactly as the rules say', async () => {
    await browser!.withPage(async (page) => {
      await page.goto(`${url}?seed=42`);
      let game = newGame(42);
      await expectGame(page, game);
      for (let turn = 0; turn < 80 && !game.isLost; turn++) {
        const [key, direction] = keys[turn % keys.length]!;
        await page.keyboard.press(key);
        game = move(game, direction);
        await expectGame(page, game);
      }
      expect(game.score).toBeGreaterThan(100);
      const label = await page.locator('.tile[data-value]').first().getAttribute('aria-label');
      expect(label).toMatch(/^\d+ in row [1-4], column [1-4]$/);
    });
  });

  browserTest('ends when no move is left, keeps the best score over a reload, and starts again', async () => {
    await browser!.withPage(async (page) => {
      await page.goto(`${url}?seed=7`);
      let game = newGame(7);
      for (let turn = 0; !game.isLost; turn++) {
        const [key, direction] = keys[turn % 4]!;
        await page.keyboard.press(key);
        game = move(game, direction);
      }
      await page.getByRole('dialog', { name: 'No moves left' }).waitFor();
      expect(await page.locator('#best').textContent()).toBe(String(game.score));
      await page.getByRole('button', { name: 'Play again' }).click();
      await expectGame(page, newGame(7));
      await page.reload();
      expect(await page.locator('#best').textContent()).toBe(String(game.score));
      expect(await page.locator('#score').textContent()).toBe('0');
    });
  });

  browserTest('is played by swiping, fits a telephone, and names the task that served it', async () => {
    const options = { viewport: { width: 390, height: 844 }, hasTouch: true };
    await browser!.withPage(async (page) => {
      await page.goto(`${url}?seed=42`);
      const box = (await page.locator('#board').boundingBox())!;
      const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
      let game = newGame(42);
      for (const [dx, dy, direction] of [
        [0, 90, 'down'],
        [90, 0, 'right'],
        [0, -90, 'up'],
        [-90, 0, 'left'],
      ] as const) {
        await page.mouse.move(x, y);
        await page.mouse.down();
        await page.mouse.move(x + dx, y + dy);
        await page.mouse.up();
        game = move(game, direction);
        await expectGame(page, game);
      }
      await page.getByText('Served by the-task, app version the-version').waitFor();
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    }, options);
  });
});

describe('the server of the game', () => {
  it('serves the page with its types, and nothing but the page', async () => {
    const page = await fetch(url);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect((await fetch(`${url}game.js`)).headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    for (const path of ['server.mjs', 'app.json', '../server.mjs', '..%2fserver.mjs', '%2e%2e/server.mjs', 'page/']) {
      expect([path, (await fetch(url + path)).status]).toEqual([path, 404]);
    }
    expect((await fetch(url, { method: 'POST' })).status).toBe(405);
  });

  it('ends on SIGTERM with exit code 0', async () => {
    const other = spawn(process.execPath, [fileURLToPath(new URL('server.mjs', folder))], { env: environment });
    const ended = once(other, 'exit');
    await once(other.stdout, 'data');
    other.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });
});
