package drive

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/addonctl/addonctl/pkg/guard"
	"github.com/addonctl/addonctl/pkg/kube"
)

const (
	// tokenFor is how long a token of addonctl's account is asked for. A longer run asks for another.
	tokenFor = time.Hour
	// firstCall is how long a server may take to answer at all before it counts as unreachable.
	firstCall = 8 * time.Second
	// attempts of what a server may fail to answer now and then.
	attempts = 5
	// farewell is how long leaving may take, also after the caller has gone.
	farewell = 5 * time.Second
)

// RightsError says that a user may not do something, and which rights are missing.
type RightsError struct {
	// What the user may not do, in words.
	What    string
	Missing []string
}

func (e *RightsError) Error() string {
	return fmt.Sprintf("your user may not %s; missing rights:\n  %s", e.What, strings.Join(e.Missing, "\n  "))
}

// AsAccount lets the engine act as addonctl's own account where our user may have a token of it; else it acts as our user, who
// then sees what is missing.
func (s *Seat) AsAccount(ctx context.Context) error {
	if _, err := s.Client.Version(ctx, firstCall); err != nil {
		return err
	}
	acting, err := s.Account(ctx)
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return nil
	}
	if err != nil {
		return err
	}
	missing, err := acting.Missing(ctx, actingRights)
	if err == nil && len(missing) == 0 { // else making the account was not finished: Begin does that
		s.acting, s.Engine.Target = acting, acting
	}
	return err
}

// actingRights tell whether the rights of the account are bound to it, and are no older addonctl's: the last is the newest of them.
var actingRights = []kube.Right{
	{Verb: "update", Group: "coordination.k8s.io", Resource: "leases", Namespace: "kube-system"},
	{Verb: "list", Group: "oci.oraclecloud.com", Resource: "nativepodnetworks"},
}

// Acting is the client of addonctl's own account that AsAccount found; nil where there is none that may do what it has to.
func (s *Seat) Acting() *kube.Client { return s.acting }

// Account is a client that acts as addonctl's own account.
func (s *Seat) Account(ctx context.Context) (*kube.Client, error) {
	token, err := guard.Mint(ctx, s.Client, tokenFor)
	if err != nil {
		return nil, err
	}
	first := token
	return s.Client.AsMinted(func(ctx context.Context) (string, error) {
		if token := first; token != "" {
			first = ""
			return token, nil
		}
		return guard.Mint(ctx, s.Client, tokenFor)
	}, tokenFor*3/4)
}

// Begin takes the cluster over for writing to it: the account, then the wish, then the Lease, and the fence against whoever had it
// before and did not leave. The wish, where there is one, comes before the Lease, so that whoever is at work for another wish sees
// that it is superseded, and leaves. The caller calls end in any case. A *kube.HeldError says that somebody else is at work.
func (s *Seat) Begin(ctx context.Context, wish func() error) (end func(), err error) {
	acting, err := s.prepare(ctx)
	if err == nil && wish != nil {
		err = wish()
	}
	if err != nil {
		return func() {}, err
	}
	tenure, err := s.take(ctx, acting)
	if err != nil {
		return func() {}, err
	}
	keep, stop := context.WithCancel(context.WithoutCancel(ctx))
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		_ = tenure.Keep(keep) // when the Lease was lost, Check says so before the next write
	}()
	fenced := !tenure.Taken
	end = func() {
		stop()
		<-kept
		if !fenced {
			return // the Lease stays ours: whoever comes next has to fence off whoever was before us
		}
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
		defer cancel()
		if err := tenure.Leave(last); err != nil && !errors.Is(err, kube.ErrFenced) {
			s.note("leaving the cluster's Lease: " + err.Error())
		}
	}
	s.Engine.Target, s.Observer.Watching = acting.WithEpoch(tenure.Epoch), acting
	s.Loop.Tenure = tenure.Check
	if tenure.Taken {
		err = s.fenceOff(ctx)
		fenced = err == nil
	}
	return end, err
}

// prepare makes sure that addonctl's own account is there, and acts as it.
func (s *Seat) prepare(ctx context.Context) (*kube.Client, error) {
	made, err := guard.Identity(ctx, s.Client)
	if err != nil {
		return nil, fmt.Errorf("making addonctl's own account: %w", err)
	}
	if s.acting != nil && len(made) == 0 {
		return s.acting, nil
	}
	acting, err := s.Account(ctx)
	if err == nil {
		err = Allowed(ctx, acting, guard.Account, actingRights)
	}
	if err != nil {
		return nil, fmt.Errorf("acting as addonctl's own account: %w", err)
	}
	return acting, nil
}

// known is how long an API server may take to know of an account and its rights; a starved one reads them late.
const known = 30 * time.Second

// Allowed waits until the API server knows the rights of an account that was just made.
func Allowed(ctx context.Context, acting *kube.Client, account string, needs []kube.Right) error {
	until := time.Now().Add(known)
	for {
		missing, err := acting.Missing(ctx, needs)
		switch {
		case err == nil && len(missing) == 0:
			return nil
		case time.Now().After(until) && err == nil:
			return &RightsError{"act as ServiceAccount kube-system/" + account, missing}
		case time.Now().After(until):
			return err
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// take waits for another actor to leave, or to be found gone.
func (s *Seat) take(ctx context.Context, acting *kube.Client) (*kube.Tenure, error) {
	until := time.Now().Add(s.Patience)
	for told := false; ; {
		tenure, err := kube.Take(ctx, acting, time.Now)
		held, other := errors.AsType[*kube.HeldError](err)
		if !other {
			return tenure, err
		}
		if time.Now().After(until) {
			return nil, held
		}
		if !told {
			s.note(held.Error() + "; waiting until it has left")
			told = true
		}
		if err := pause(ctx, time.Second); err != nil {
			return nil, err
		}
	}
}

// fenceOff is fence, tried again where the server did not answer.
func (s *Seat) fenceOff(ctx context.Context) error {
	for tried := 1; ; tried++ {
		err := s.fence(ctx)
		if err == nil || tried == attempts || !kube.Unreachable(err) || pause(ctx, s.Loop.Pause) != nil {
			return err
		}
	}
}

// fence shuts out whoever had the cluster before: what they were about to write may be of any add-on.
func (s *Seat) fence(ctx context.Context) error {
	for _, addOn := range s.Observer.Catalog.AddOns {
		a, err := s.Hub.Addon(ctx, s.Cluster, addOn.Name)
		if err != nil {
			return err
		}
		if a != nil {
			addOn = addOn.In(a.Spec.Namespace)
		}
		if err := s.Engine.Fence(ctx, addOn); err != nil {
			return err
		}
	}
	return nil
}
