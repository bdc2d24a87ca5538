// Package graph judges moves between the releases of one add-on and finds the way from one to another. A move of one step
// is an Edge: open, or closed by reasons that name what closes it. A Path is the fewest open steps in one direction, and
// the class of its way back. Verify proves a catalog: no cluster that its releases allow can be stranded.
//
// The package knows releases, their rules and blocks, and what a caller tells of a cluster (Where). It refuses to know
// which release is wanted, what runs on which node, and how a step is carried out. It is a function of values: the same
// values give the same answer, whatever the order of the blocks.
//
// Start reading at Graph, then the list of rules in rules.go, then Path and Verify.
package graph
