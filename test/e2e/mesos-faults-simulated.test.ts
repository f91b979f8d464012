/** Faults at random between a server and a cluster whose agents and tasks are simulated; a failure names its seed. */
import { testStorms } from '../support/mesos-faults/storm-tests.ts';

testStorms('simulated', 'exactly the wanted instances run, no other, and nothing is unacknowledged');
