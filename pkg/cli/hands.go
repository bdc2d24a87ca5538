package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/addonctl/addonctl/pkg/guard"
	"github.com/addonctl/addonctl/pkg/kube"
)

const (
	// tokenFor is how long a token of addonctl's account is asked for. A longer run asks for another.
	tokenFor = time.Hour
	// patience with another actor: its Lease ends within 15 s when it is gone.
	patience = 30 * time.Second
	// firstCall is how long a server may take to answer at all before it counts as unreachable.
	firstCall = 8 * time.Second
	// attempts of what a server may fail to answer now and then.
	attempts = 5
	// farewell is how long leaving may take, also after Ctrl-C.
	farewell = 5 * time.Second
)

// asAccount lets the engine act as addonctl's own account where our user may have a token of it; else it acts as our user, who
// then sees what is missing.
func (s *session) asAccount(ctx context.Context) error {
	if _, err := s.client.Version(ctx, firstCall); err != nil {
		return err
	}
	acting, err := s.account(ctx)
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return nil
	}
	if err != nil {
		return err
	}
	missing, err := acting.Missing(ctx, actingRights)
	if err == nil && len(missing) == 0 { // else making the account was not finished: begin does that
		s.acting, s.engine.Target = acting, acting
	}
	return err
}

// actingRights tell whether the rights of the account are bound to it, and are no older addonctl's: the last is the newest of them.
var actingRights = []kube.Right{
	{Verb: "update", Group: "coordination.k8s.io", Resource: "leases", Namespace: "kube-system"},
	{Verb: "delete", Group: "admissionregistration.k8s.io", Resource: "validatingadmissionpolicies", Name: "npn-pod-deletion-deny-policy"},
}

// account is a client that acts as addonctl's own account.
func (s *session) account(ctx context.Context) (*kube.Client, error) {
	token, err := guard.Mint(ctx, s.client, tokenFor)
	if err != nil {
		return nil, err
	}
	first := token
	return s.client.AsMinted(func(ctx context.Context) (string, error) {
		if token := first; token != "" {
			first = ""
			return token, nil
		}
		return guard.Mint(ctx, s.client, tokenFor)
	}, tokenFor*3/4)
}

// begin takes the cluster over for writing to it: the account, then the wish, then the Lease, and the fence against whoever had it
// before and did not leave. The wish, where there is one, comes before the Lease, so that whoever is at work for another wish sees
// that it is superseded, and leaves. The caller calls end in any case.
func (s *session) begin(ctx context.Context, wish func() error) (end func(), err error) {
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
	s.engine.Target, s.observer.Watching = acting.WithEpoch(tenure.Epoch), acting
	s.loop.Tenure = tenure.Check
	if tenure.Taken {
		err = s.fenceOff(ctx)
		fenced = err == nil
	}
	return end, err
}

// fenceOff is fence, tried again where the server did not answer.
func (s *session) fenceOff(ctx context.Context) error {
	for tried := 1; ; tried++ {
		err := s.fence(ctx)
		if err == nil || tried == attempts || !kube.Unreachable(err) || pause(ctx, s.loop.Pause) != nil {
			return err
		}
	}
}

// cutOff tells whether a server that is there began an answer and did not end it: asking again is the right thing.
func cutOff(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || strings.Contains(err.Error(), "unexpected EOF")
}

// prepare makes sure that addonctl's own account is there, and acts as it.
func (s *session) prepare(ctx context.Context) (*kube.Client, error) {
	made, err := guard.Identity(ctx, s.client)
	if err != nil {
		return nil, fmt.Errorf("making addonctl's own account: %w", err)
	}
	if s.acting != nil && len(made) == 0 {
		return s.acting, nil
	}
	acting, err := s.account(ctx)
	if err == nil {
		err = allowed(ctx, acting, guard.Account, actingRights)
	}
	if err != nil {
		return nil, fmt.Errorf("acting as addonctl's own account: %w", err)
	}
	return acting, nil
}

// fence shuts out whoever had the cluster before: what they were about to write may be of any add-on.
func (s *session) fence(ctx context.Context) error {
	for _, addOn := range s.observer.Catalog.AddOns {
		a, err := s.hub.Addon(ctx, s.cluster, addOn.Name)
		if err != nil {
			return err
		}
		if a != nil {
			addOn = addOn.In(a.Spec.Namespace)
		}
		if err := s.engine.Fence(ctx, addOn); err != nil {
			return err
		}
	}
	return nil
}

// allowed waits until the API server knows the rights of an account that was just made.
func allowed(ctx context.Context, acting *kube.Client, account string, needs []kube.Right) error {
	until := time.Now().Add(10 * time.Second)
	for {
		missing, err := acting.Missing(ctx, needs)
		switch {
		case err == nil && len(missing) == 0:
			return nil
		case time.Now().After(until) && err == nil:
			return lacking("act as ServiceAccount kube-system/"+account, missing)
		case time.Now().After(until):
			return err
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// take waits for another actor to leave, or to be found gone.
func (s *session) take(ctx context.Context, acting *kube.Client) (*kube.Tenure, error) {
	until := time.Now().Add(patience)
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

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
