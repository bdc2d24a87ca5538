// Package controller holds the manager's controllers: each translates records to what the packages that decide understand, and what they
// decide back to records. It knows controller-runtime and the hub's cache; it refuses to know how a cluster is reached and written to, which
// comes in as small interfaces, and decides nothing about releases. Start with Clusters; PickUp
// brings clusters of Cluster API among them.
package controller
