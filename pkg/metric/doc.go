// Package metric says in Prometheus' words what the records of a hub say of a fleet. Fleet is a function of the records and nothing else; Collector
// asks it at each scrape, with records that somebody else has at hand, so that a scrape costs the API server nothing. It knows no cluster, no
// node, and no client. Start with Families, which is the list of all there is; docs/manager.md shows it, and a test compares the two.
package metric
