// Package render turns a release of the catalog, its chart and the operator's settings into objects, without a cluster:
// the same inputs give the same bytes. It also reads typed facts out of a render, for the planner. It refuses to know
// what is live. Start with Release.
package render
