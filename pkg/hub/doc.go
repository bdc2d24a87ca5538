// Package hub keeps the records: it installs our custom resource definitions, reads and writes ClusterNetwork and
// Addon, gives rollouts the orders of people, keeps the recalls of a catalog, and stamps a target cluster with its network type. It knows how records are stored and that a write must not go
// over somebody else's; it refuses to know what should stand in them. Start with Hub.
package hub
