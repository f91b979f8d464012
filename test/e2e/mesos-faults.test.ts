/** Faults at random between a server and a cluster whose tasks are processes; a failure names its seed. */
import { testStorms } from '../support/mesos-faults/storm-tests.ts';

testStorms('processes', 'exactly the wanted instances run, each one process, and nothing is unacknowledged');
