// Package status turns a plan and what it was made from into an Addon's status: conditions, lifecycle state, counts,
// findings and history. It is the only place that says what Ready means. It refuses to know how a status is stored.
// Start with Addon.
package status
