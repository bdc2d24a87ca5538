// Package noderoll knows what one node runs of an add-on and sums it up: which nodes should run it, which run the
// newest revision, which of those are Ready, and what is wrong with the others. And it decides how nodes take a new release: which
// pods are deleted next, what must hold on a node before others follow, when a roll halts, and how nodes go back. It refuses to know
// Kubernetes' API and the clock: facts come in as values, and what is to be done goes out as one. Start with Node, then Sum and Decide.
package noderoll
