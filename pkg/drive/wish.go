package drive

import (
	"context"
	"fmt"
	"time"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/observe"
	"github.com/addonctl/addonctl/pkg/plan"
)

// Wish is what a plan wants recorded. A move of an automatic add-on is recorded with its target, so that what was shown
// is what is done, whatever the catalog says meanwhile.
func Wish(in plan.Input, p plan.Plan) hub.Wish {
	w := hub.Wish{
		Cluster: in.Cluster.Name, NetworkType: v1alpha1.NetworkType(p.NetworkType), PodCIDRs: in.Request.PodCIDRs,
		UID: in.Cluster.UID, Desired: p.Desired, Seen: in.Desired, Fresh: !in.Installed.Present, TypeRule: in.Request.TypeRule,
	}
	if in.Request.Verb == plan.Register {
		w.Desired = plan.Desired{}
	}
	switch {
	case p.State == plan.UpToDate: // a move that was made is taken off the record with its status
		w.Desired.MoveTo, w.Desired.Back = in.Desired.MoveTo, in.Desired.Back
	case w.Desired.Version == "" && len(p.Steps) > 0 && in.Request.Verb != plan.Unpin:
		w.Desired.MoveTo = p.To
	}
	return w
}

// Save records a wish; who pinned, and when, comes from the API server. A pin that is not asked for stays as it was recorded.
func (s *Seat) Save(ctx context.Context, r plan.Request, w hub.Wish) error {
	if pins(r, w) && w.Desired.Pin.At.IsZero() {
		user, now, err := observe.WhoAmI(ctx, s.Hub.Client())
		if err != nil {
			s.note("who pins cannot be told: " + err.Error())
			now = time.Now()
		}
		w.Desired.Pin.By, w.Desired.Pin.At = user, now
	}
	if err := s.Hub.Save(ctx, s.Client, w); err != nil {
		return fmt.Errorf("recording what %s wants: %w", r.Verb, err)
	}
	return nil
}

// pins tells whether a wish is recorded with a pin of whoever asks: another one than was seen, or the same said anew.
func pins(r plan.Request, w hub.Wish) bool {
	d, seen := w.Desired, w.Seen
	anew := r.Verb == plan.SetPin && d.Back.Revision == 0
	return d.Version != "" && (anew || d.Version != seen.Version || !d.Pin.Equal(seen.Pin))
}
