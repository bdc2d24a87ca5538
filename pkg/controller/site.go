package controller

import (
	"context"
	"errors"
	"time"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/reconcile"
)

// ErrNotTaken is what a step ends with that is due on a cluster which was not taken over: nothing was written. Take it over, and look again.
var ErrNotTaken = errors.New("the cluster is not taken over yet")

// ErrHeldBack is what a step ends with that would begin what a rollout holds back: nothing was written.
var ErrHeldBack = errors.New("a rollout holds it back")

// ErrHub says that the hub does not answer, which says nothing about a cluster.
var ErrHub = errors.New("the hub does not answer")

// Trouble is a kind of error.
type Trouble string

// What an error can mean.
const (
	// Unreachable : the cluster does not answer.
	Unreachable Trouble = "Unreachable"
	// Busy : another actor is at work on the cluster.
	Busy Trouble = "Busy"
	// Lost : another actor has taken the cluster over.
	Lost Trouble = "Lost"
	// Passing : looking again is the right thing.
	Passing Trouble = "Passing"
	// Broken : none of the above.
	Broken Trouble = "Broken"
)

// Stopwatch is told how long things took.
type Stopwatch interface {
	// Gate is told how long a node took from its new agent's pod to having passed every gate.
	Gate(addOn string, took time.Duration)
	// Halt is told how long a rollout took from its cause (failure, recall or order) until every cluster under way was told to hold.
	Halt(cause string, took time.Duration)
}

// Sites reaches clusters.
type Sites interface {
	// Reach asks a cluster who it is. An error says that it does not answer, or that nothing says how to reach it.
	Reach(ctx context.Context, c *v1alpha1.ClusterNetwork) (Site, error)
	// Trouble tells what an error means that came of a Site or a Seat.
	Trouble(err error) Trouble
	// MayGoBack tells whether a run has failed, and is to be gone back from as the record says.
	MayGoBack(out reconcile.Outcome, timeout time.Duration) bool
}

// Site is a cluster that answers.
type Site interface {
	// Kubernetes is its API server's version, UID that of namespace kube-system.
	Kubernetes() string
	UID() string
	// Seat is where an add-on of it is driven from. Nothing is asked for it yet.
	Seat(addOn string) Seat
}

// Seat drives one add-on of a cluster. One goroutine may use it at a time.
type Seat interface {
	// Hold is what a rollout wants held from now on; see v1alpha1.AddonInRollout.
	Hold(hold string)
	// Course begins a run, which lives as long as the context. Its steps end with ErrNotTaken until Take was called.
	Course(life context.Context) *reconcile.Course
	// Take takes the cluster over; leave gives it back, and is to be called in any case.
	Take(ctx context.Context) (leave func(), err error)
	// GoBack records the way back of a move that failed, as the record says; an error says why nothing is put back.
	GoBack(ctx context.Context, failed reconcile.Outcome, timeout time.Duration) error
}
