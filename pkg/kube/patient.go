package kube

import (
	"context"

	"k8s.io/client-go/util/flowcontrol"
)

// patient is a rate limiter for calls with a time limit. The one of client-go refuses at once what would have to wait longer
// than the time that is left, with an error that looks as if the server were away; here the time runs out, and that is said.
type patient struct{ flowcontrol.RateLimiter }

// Wait returns nil when the call may go out, and else the context's own error, when the context has ended.
func (p patient) Wait(ctx context.Context) error {
	err := p.RateLimiter.Wait(ctx)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if _, limited := ctx.Deadline(); !limited {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}
