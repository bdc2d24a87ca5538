// Package observe looks at a cluster and its records and fills plan.Input. It reads and never writes, and it refuses to
// judge what it sees. Start with Observer.
package observe
