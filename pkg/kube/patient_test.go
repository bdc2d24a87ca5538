package kube

import (
	"context"
	"errors"
	"testing"
	"time"

	"k8s.io/client-go/util/flowcontrol"
)

// A call that may not go out any more within the time limit ends with it, and not before it with another error: a run that
// waits for nodes would else say that the server is away. Without the wrapper this is red.
func TestALimitedCallEndsWithItsTime(t *testing.T) {
	t.Parallel()
	p := patient{flowcontrol.NewTokenBucketRateLimiter(0.001, 1)}
	if err := p.Wait(t.Context()); err != nil {
		t.Fatalf("the first call: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := p.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() == nil {
		t.Errorf("the second call: %v, with %v left of the context", err, ctx.Err())
	}
}
