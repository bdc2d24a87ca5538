// Package status turns a plan and what it was made from into an Addon's status: conditions, lifecycle state, counts,
// findings and history. It is the only place that says what Ready means. Beside it stands how the records of a fleet are read: which
// policy takes which cluster (Takers), where an add-on goes by itself (Automatic), what a rollout is told of it (Journey.Report), and what it
// is told (Journey.Tell). It refuses to know how a record is stored. Start with Addon.
package status
