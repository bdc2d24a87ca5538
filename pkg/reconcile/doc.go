// Package reconcile is the one loop: observe, plan, carry out the first step, observe again, report. Nothing is
// remembered between rounds, so a run that was killed at any point is resumed by running again. It refuses to know
// Kubernetes, Helm and where a status goes: those come in as small interfaces. Start with Loop.
package reconcile
