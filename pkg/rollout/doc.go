// Package rollout decides how one release goes over a fleet of clusters: which cluster may start now, what stops everything, and who has
// to act. It is pure: it is given what was seen, what is recorded, and the time, and says what follows. A manager asks it on a real fleet,
// and Simulate asks it on virtual time; both get the same answers.
package rollout
