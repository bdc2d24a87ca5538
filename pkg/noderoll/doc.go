// Package noderoll knows what one node runs of an add-on and sums it up: which nodes should run it, which run the
// newest revision, which of those are Ready, and what is wrong with the others. It refuses to know Kubernetes' API:
// facts come in as values. Start with Node, then Sum.
package noderoll
