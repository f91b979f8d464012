/** Draws the game and turns keys and swipes into moves. `?seed=N` gives the same game every time. */
import { move, newGame } from './game.js';

const bestKey = 'ultramarathon-2048-best';
const swipePixels = 24;
/** A little longer than the slide in style.css. */
const slideMs = 130;

const element = (id) => document.getElementById(id);
const board = element('board');
const dialog = element('end');
const tileElements = new Map();

const asked = new URLSearchParams(location.search).get('seed');
const freshSeed = () => (asked !== null && /^-?\d+$/.test(asked) ? Number(asked) : Math.floor(Math.random() * 2 ** 32));

let game;
let best = readBest();
let mayGoOn = false;

/** Storage can be switched off in a browser; the game goes on without it. */
function readBest() {
  try {
    return Number(localStorage.getItem(bestKey)) || 0;
  } catch {
    return 0;
  }
}

function keepBest() {
  if (game.score <= best) return;
  best = game.score;
  try {
    localStorage.setItem(bestKey, String(best));
  } catch {
    // The best score then lasts as long as the page.
  }
}

function start() {
  for (const tile of board.querySelectorAll('.tile')) tile.remove();
  tileElements.clear();
  mayGoOn = false;
  if (dialog.open) dialog.close();
  game = newGame(freshSeed());
  draw();
}

function startAgain() {
  void start();
  say('New game.');
  board.focus({ preventScroll: true });
}

function play(direction) {
  if (dialog.open) return;
  const before = game;
  game = move(game, direction);
  if (game === before) return;
  keepBest();
  draw();
  const gained = game.score - before.score;
  say(gained > 0 ? `${direction}, plus ${gained}, score ${game.score}.` : `${direction}.`);
  if (game.isLost) end('No moves left', `You scored ${game.score}.`, false);
  else if (game.isWon && !mayGoOn) end('2048!', `You made it with ${game.score} points.`, true);
}

function end(title, text, canGoOn) {
  element('end-title').textContent = title;
  element('end-text').textContent = text;
  element('go-on').hidden = !canGoOn;
  say(`${title} ${text}`);
  dialog.show();
  element(canGoOn ? 'go-on' : 'again').focus();
}

const say = (text) => {
  element('said').textContent = text;
};

function draw() {
  element('score').textContent = String(game.score);
  element('best').textContent = String(best);
  const alive = new Set(game.tiles.map(({ id }) => id));
  for (const tile of game.tiles) drawTile(tile);
  for (const tile of game.absorbed) retire(tile);
  for (const id of tileElements.keys()) if (!alive.has(id)) tileElements.delete(id);
}

function drawTile(tile) {
  let shown = tileElements.get(tile.id);
  const isNew = shown === undefined;
  if (isNew) {
    shown = document.createElement('div');
    shown.append(document.createElement('span'));
    tileElements.set(tile.id, shown);
  }
  const isMerged = !isNew && shown.dataset.value !== String(tile.value);
  shown.className = `tile v${Math.min(tile.value, 4096)}${isNew ? ' new' : ''}`;
  if (isMerged) {
    // Reading the size makes the browser start the animation again when a tile merges twice in a row.
    void shown.offsetWidth;
    shown.classList.add('merged');
  }
  place(shown, tile);
  shown.dataset.value = String(tile.value);
  shown.dataset.digits = String(String(tile.value).length);
  shown.firstChild.textContent = String(tile.value);
  shown.setAttribute('role', 'img');
  shown.setAttribute('aria-label', `${tile.value} in row ${tile.row + 1}, column ${tile.column + 1}`);
  if (isNew) board.append(shown);
}

/** A tile that was taken in slides below the one that took it and goes; it has no `data-value` any more. */
function retire(tile) {
  const shown = tileElements.get(tile.id);
  if (shown === undefined) return;
  place(shown, tile);
  shown.classList.add('absorbed');
  shown.setAttribute('aria-hidden', 'true');
  delete shown.dataset.value;
  setTimeout(() => shown.remove(), slideMs);
}

function place(shown, { row, column }) {
  shown.dataset.row = String(row);
  shown.dataset.column = String(column);
}

const keys = {
  ArrowUp: 'up',
  ArrowRight: 'right',
  ArrowDown: 'down',
  ArrowLeft: 'left',
  KeyW: 'up',
  KeyD: 'right',
  KeyS: 'down',
  KeyA: 'left',
};

addEventListener('keydown', (event) => {
  const direction = keys[event.code] ?? keys[event.key];
  if (direction === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  play(direction);
});

let swipe;
board.addEventListener('pointerdown', (event) => {
  swipe = { x: event.clientX, y: event.clientY, pointer: event.pointerId };
});
addEventListener('pointerup', (event) => {
  if (swipe === undefined || swipe.pointer !== event.pointerId) return;
  const x = event.clientX - swipe.x;
  const y = event.clientY - swipe.y;
  swipe = undefined;
  if (Math.max(Math.abs(x), Math.abs(y)) < swipePixels) return;
  if (Math.abs(x) > Math.abs(y)) play(x > 0 ? 'right' : 'left');
  else play(y > 0 ? 'down' : 'up');
});
addEventListener('pointercancel', () => {
  swipe = undefined;
});

element('new-game').addEventListener('click', startAgain);
element('again').addEventListener('click', startAgain);
element('go-on').addEventListener('click', () => {
  mayGoOn = true;
  dialog.close();
  board.focus({ preventScroll: true });
});

/** The small server beside this page says which task it is; any other server simply does not. */
async function showTask() {
  try {
    const answer = await fetch('task.json');
    if (!answer.ok) return;
    const { task, version, address } = await answer.json();
    element('served-by').textContent = `Served by ${task ?? address}${version ? `, app version ${version}` : ''}`;
  } catch {
    // The page was opened without its server.
  }
}

start();
void showTask();
