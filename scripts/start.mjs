/** `npm start`: installs and builds if needed, then runs everything on this machine. */
import { checkNode, ensureBuilt, ensureInstalled } from './prepare.mjs';

checkNode();
ensureInstalled();
ensureBuilt();
process.argv = [process.argv[0] ?? 'node', 'ultramarathon', 'start', ...process.argv.slice(2)];
await import('../bin/ultramarathon.js');
