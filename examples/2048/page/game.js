/**
 * The rules of 2048 as pure functions: a game goes in, a game comes out, and the same seed gives the same game.
 *
 * A game is `{ tiles, score, isWon, isLost, random, nextId }`; a tile is `{ id, row, column, value }`. When two tiles meet, the
 * one that is further along keeps its id and doubles; the other one is named in `absorbed` of the new game for the animation.
 */

export const size = 4;
export const goal = 2048;
export const directions = ['up', 'right', 'down', 'left'];

/** Starts a game with two tiles. `seed` is any number; it is taken as a 32-bit integer. */
export function newGame(seed) {
  const empty = { tiles: [], absorbed: [], score: 0, isWon: false, isLost: false, random: seed | 0, nextId: 1 };
  return withNewTile(withNewTile(empty));
}

/** Slides all tiles and adds a new one. Returns the very same game if nothing can move that way. */
export function move(game, direction) {
  const slid = slide(game.tiles, direction);
  if (!slid.hasMoved) return game;
  const next = withNewTile({
    ...game,
    tiles: slid.tiles,
    absorbed: slid.absorbed,
    score: game.score + slid.gained,
    isWon: game.isWon || slid.tiles.some((tile) => tile.value >= goal),
  });
  return { ...next, isLost: !canMove(next.tiles) };
}

/** True if any direction changes the board. */
export const canMove = (tiles) => directions.some((direction) => slide(tiles, direction).hasMoved);

/**
 * Slides tiles without adding one. Each tile merges at most once a move, and those nearest to the wall go first: `2 2 2` to
 * the left becomes `4 2`.
 */
export function slide(tiles, direction) {
  const isVertical = direction === 'up' || direction === 'down';
  const isBackwards = direction === 'right' || direction === 'down';
  const result = { tiles: [], absorbed: [], gained: 0, hasMoved: false };
  for (let lane = 0; lane < size; lane++) {
    const inLane = tiles
      .filter((tile) => (isVertical ? tile.column : tile.row) === lane)
      .sort((a, b) => (isVertical ? a.row - b.row : a.column - b.column));
    if (isBackwards) inLane.reverse();
    slideLane(inLane, result, (distance) => {
      const along = isBackwards ? size - 1 - distance : distance;
      return isVertical ? { row: along, column: lane } : { row: lane, column: along };
    });
  }
  return result;
}

/** `inLane` is ordered from the wall; `placeAt` turns a distance from the wall into a row and a column. */
function slideLane(inLane, result, placeAt) {
  let distance = 0;
  let last; // The tile that the next one may still merge with.
  for (const tile of inLane) {
    if (last !== undefined && last.value === tile.value) {
      last.value *= 2;
      result.gained += last.value;
      result.absorbed.push({ ...tile, row: last.row, column: last.column });
      result.hasMoved = true;
      last = undefined;
      continue;
    }
    last = { ...tile, ...placeAt(distance) };
    distance += 1;
    result.tiles.push(last);
    if (last.row !== tile.row || last.column !== tile.column) result.hasMoved = true;
  }
}

/** Adds a 2 (nine times out of ten) or a 4 on an empty square. */
function withNewTile(game) {
  const taken = new Set(game.tiles.map(({ row, column }) => row * size + column));
  const free = [];
  for (let square = 0; square < size * size; square++) if (!taken.has(square)) free.push(square);
  if (free.length === 0) return game;
  const place = nextRandom(game.random);
  const kind = nextRandom(place.state);
  const square = free[Math.floor(place.value * free.length)];
  const tile = {
    id: game.nextId,
    row: Math.floor(square / size),
    column: square % size,
    value: kind.value < 0.9 ? 2 : 4,
  };
  return { ...game, tiles: [...game.tiles, tile], random: kind.state, nextId: game.nextId + 1 };
}

/** Mulberry32: 32 bits of state in, the next state and a number from 0 (with) to 1 (without) out. */
function nextRandom(state) {
  const next = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(next ^ (next >>> 15), next | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return { state: next, value: ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 };
}
