// Package crash ends addonctl at every call that it makes, spoils its calls, and lets two of it meet, on real control planes
// with played nodes, and asks each time whether the same command run again ends in the state that an undisturbed one ends in,
// and whether the cluster had a whole CNI all the while.
//
// The command is the real program in a process of its own. A cluster is put back between two runs by writing what was stored
// back to etcd, which takes a tenth of a second; what happened is read from etcd's history, which has every revision of
// every object in one order. Start reading at TestAKilledCommandIsFinishedByTheNext.
package crash
