package controller

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
	"github.com/addonctl/addonctl/pkg/status"
)

// wishes writes what a rollout can change of a spec.
func wishes(s v1alpha1.AddonSpec) string {
	var out []string
	if s.MoveTo != "" {
		out = append(out, "to "+s.MoveTo)
	}
	if r := s.Rollback; r != nil {
		out = append(out, fmt.Sprintf("back to revision %d", r.Revision))
		if r.Leaves != "" {
			out = append(out, "leaving "+r.Leaves)
		}
		out = append(out, r.Nodes...)
	}
	if r := s.Rollout; r != nil {
		out = append(out, "by "+r.Name)
		if r.Hold != "" {
			out = append(out, r.Hold)
		}
	}
	return strings.Join(out, ", ")
}

func inState(s rollout.State) *rollout.Member {
	m := running()
	m.State = s
	return m
}

func TestAddonsAreToldWhatTheRecordSays(t *testing.T) {
	t.Parallel()
	const mine = ", by prod-flannel-0.27.3"
	marked := func(s *status.Sight) { s.Addon.Spec.Rollout = &v1alpha1.AddonInRollout{Name: "prod-flannel-0.27.3"} }
	heldBack := func(s *status.Sight) {
		s.Addon.Spec.Rollout = &v1alpha1.AddonInRollout{Name: "prod-flannel-0.27.3", Hold: "FinishNode"}
	}
	for name, c := range map[string]struct {
		member *rollout.Member
		sight  status.Sight
		hold   string
		want   string
	}{
		"its turn":     {running(), resting(), "", "to 0.27.3" + mine},
		"told already": {running(), moving(), "", "to 0.27.3" + mine},
		"the move has been made, and nobody told":   {running(), but(arrived(), func(s *status.Sight) { s.Addon.Generation++ }), "", "by prod-flannel-0.27.3"},
		"the move was taken away":                   {running(), but(resting(), marked), "", "to 0.27.3" + mine},
		"held while under way":                      {running(), moving(), "FinishNode", "to 0.27.3" + mine + ", FinishNode"},
		"held before it was told":                   {running(), resting(), "Stop", "by prod-flannel-0.27.3, Stop"},
		"held, and somebody moves it there himself": {running(), but(resting(), func(s *status.Sight) { s.Addon.Spec.MoveTo = newer }), "FinishNode", "to 0.27.3"},
		"on again":                 {running(), but(moving(), heldBack), "", "to 0.27.3" + mine},
		"on again, and never told": {running(), but(resting(), func(s *status.Sight) { heldBack(s); s.Addon.Generation++ }), "", "to 0.27.3" + mine},
		"taken over from an older release": {running(), but(moving(), func(s *status.Sight) {
			s.Addon.Spec.MoveTo, s.Addon.Spec.Rollout.Name = "0.26.9", "prod-flannel-0.26.9"
		}), "", "to 0.27.3" + mine},
		"pinned meanwhile":         {running(), but(resting(), func(s *status.Sight) { s.Addon.Spec.Version = older }), "", ""},
		"pinned while under way":   {inState(rollout.Skipped), but(moving(), func(s *status.Sight) { s.Addon.Spec.Version, s.Addon.Spec.MoveTo = older, "" }), "", ""},
		"moved by somebody":        {running(), but(resting(), func(s *status.Sight) { s.Addon.Spec.MoveTo = newestOf }), "", "to 0.28.0"},
		"moved by another rollout": {running(), but(moving(), func(s *status.Sight) { s.Addon.Spec.Rollout.Name = "dev-x" }), "", "to 0.27.3, by dev-x"},
		"on a way back of somebody": {running(), but(resting(), func(s *status.Sight) {
			s.Addon.Spec.MoveTo, s.Addon.Spec.Rollback = older, &v1alpha1.Rollback{Revision: 2}
		}), "", "to 0.26.2, back to revision 2"},
		"done":                                         {inState(rollout.Done), arrived(), "", ""},
		"done, and its nodes are held":                 {inState(rollout.Done), moving(), "", "to 0.27.3"},
		"failed, and put back":                         {inState(rollout.Failed), setOut(), "", "to 0.26.2, back to revision 3, leaving 0.27.3"},
		"out of reach while under way":                 {inState(rollout.Unreachable), moving(), "", "to 0.27.3" + mine + ", FinishNode"},
		"skipped while under way":                      {inState(rollout.Skipped), moving(), "", "to 0.27.3" + mine + ", FinishNode"},
		"waiting":                                      {pending(), resting(), "", ""},
		"waiting, and pinned":                          {pending(), but(resting(), func(s *status.Sight) { s.Addon.Spec.Version = older }), "", ""},
		"waiting to go back, half way":                 {func() *rollout.Member { m := goingBack(); m.State = rollout.Pending; return m }(), moving(), "", "to 0.27.3" + mine + ", FinishNode"},
		"no member, and its mark":                      {nil, but(resting(), marked), "", ""},
		"tried again, half way back":                   {retriedIn(rollout.Running), but(halfBack(), released), "", "to 0.27.3" + mine},
		"back, and some nodes are":                     {goingBack(), halfBack(), "", "to 0.26.2, back to revision 3, leaving 0.27.3" + mine},
		"back, half way":                               {goingBack(), moving(), "", "to 0.26.2, back to revision 3, leaving 0.27.3" + mine},
		"back, after it had arrived":                   {goingBack(), but(arrived(), func(s *status.Sight) { s.Addon.Spec.Rollout = nil }), "", "to 0.26.2, back to revision 3, leaving 0.27.3" + mine},
		"back, told already":                           {goingBack(), setOut(), "", "to 0.26.2, back to revision 3, leaving 0.27.3" + mine},
		"back, before anything was written":            {goingBack(), but(resting(), func(s *status.Sight) { marked(s); s.Addon.Spec.MoveTo = newer }), "", "by prod-flannel-0.27.3"},
		"back, by itself already":                      {goingBack(), but(setOut(), func(s *status.Sight) { s.Addon.Spec.Rollout = nil }), "", "to 0.26.2, back to revision 3, leaving 0.27.3" + mine},
		"back, and no revision is known":               {goingBack(), but(moving(), func(s *status.Sight) { s.Addon.Status.History = nil }), "", "to 0.26.2" + mine},
		"back, and the revision never ran everywhere":  {goingBack(), but(moving(), func(s *status.Sight) { s.Addon.Status.History[0].Status = "failed" }), "", "to 0.26.2, back to revision 2, leaving 0.27.3" + mine},
		"it is back, and its status does not tell yet": {goingBack(), but(arrived(), func(s *status.Sight) { s.Addon.Generation++ }), "", "by prod-flannel-0.27.3"},
		"back, and pinned": {goingBack(), but(moving(), func(s *status.Sight) {
			s.Addon.Spec.Version, s.Addon.Spec.MoveTo, s.Addon.Spec.Rollout = newer, "", nil
		}), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec, other := trip().Tell(c.member, c.sight.Addon, c.hold)
			if diff := cmp.Diff(c.want, wishes(spec)); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
			if was := wishes(c.sight.Addon.Spec); other != (was != wishes(spec)) {
				t.Errorf("it says %v to a change from %q to %q", other, was, wishes(spec))
			}
			again := c.sight.Addon.DeepCopy()
			again.Spec = spec
			if twice, other := trip().Tell(c.member, again, c.hold); other {
				t.Errorf("told twice: %q, then %q", wishes(spec), wishes(twice))
			}
		})
	}
}

// A rollout that was aborted, or whose release was recalled, lets go of who had not begun. Who is half way is held, and who moves by himself
// is left alone.
func TestARolloutThatIsOverLetsGo(t *testing.T) {
	t.Parallel()
	const mine = ", by prod-flannel-0.27.3, FinishNode"
	told := func(s *status.Sight) {
		s.Addon.Spec.MoveTo, s.Addon.Spec.Rollout = newer, &v1alpha1.AddonInRollout{Name: "prod-flannel-0.27.3", Hold: "FinishNode"}
	}
	on := func(s *status.Sight) { s.Addon.Spec.Rollout.Hold = "" }
	for name, c := range map[string]struct {
		member *rollout.Member
		sight  status.Sight
		over   bool
		want   string
	}{
		"told, held, and not begun":             {running(), but(resting(), told), true, ""},
		"the same, and it is only paused":       {running(), but(resting(), told), false, "to 0.27.3" + mine},
		"told, and not held yet":                {running(), but(resting(), func(s *status.Sight) { told(s); on(s) }), true, "to 0.27.3" + mine},
		"not told yet":                          {running(), resting(), true, strings.TrimPrefix(mine, ", ")},
		"held, and nobody has seen it":          {running(), but(resting(), func(s *status.Sight) { told(s); s.Addon.Generation++ }), true, "to 0.27.3" + mine},
		"half way":                              {running(), moving(), true, "to 0.27.3" + mine},
		"left where it was out of reach":        {inState(rollout.Unreachable), but(resting(), told), true, ""},
		"somebody moves it to the same release": {running(), but(resting(), func(s *status.Sight) { s.Addon.Spec.MoveTo = newer }), true, "to 0.27.3"},
		"somebody moves it elsewhere, held":     {running(), but(resting(), func(s *status.Sight) { told(s); s.Addon.Spec.MoveTo = newestOf }), true, "to 0.28.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := trip()
			j.Over = c.over
			if spec, _ := j.Tell(c.member, c.sight.Addon, "FinishNode"); wishes(spec) != c.want {
				t.Errorf("told %q, want %q", wishes(spec), c.want)
			}
		})
	}
}

// A rollout that leads away from a recalled release is for those that run it, and takes them from whoever moved them there.
func TestARolloutAwayIsForThoseThatRunTheRecalledRelease(t *testing.T) {
	t.Parallel()
	j := trip()
	j.Name, j.Version, j.Leaves = "prod-flannel-0.26.2-from-0.27.3", older, newer
	sits := func(s *status.Sight) {
		s.Addon.Status.CurrentInstalledVersion, s.Addon.Status.NewestFit = newer, older
		s.Addon.Status.NodeVersions = []v1alpha1.NodeVersion{{Version: newer, Nodes: 3}}
	}
	for name, c := range map[string]struct {
		sight status.Sight
		want  string
	}{
		"it runs it":                      {but(resting(), sits), ""},
		"it runs another":                 {but(resting(), func(s *status.Sight) { s.Addon.Status.NewestFit = older }), "does not run 0.27.3"},
		"somebody moves it there":         {but(resting(), func(s *status.Sight) { sits(s); s.Addon.Spec.MoveTo = newer }), ""},
		"somebody moves it elsewhere":     {but(resting(), func(s *status.Sight) { sits(s); s.Addon.Spec.MoveTo = newestOf }), "moves to 0.28.0 for somebody"},
		"somebody pinned it":              {but(resting(), func(s *status.Sight) { sits(s); s.Addon.Spec.Version = newer }), "is pinned to 0.27.3"},
		"something newer would be taken":  {but(resting(), func(s *status.Sight) { sits(s); s.Addon.Status.NewestFit = newestOf }), "0.28.0 is the newest that fits"},
		"it is on its way back by itself": {but(resting(), func(s *status.Sight) { sits(s); s.Addon.Spec.Rollback = &v1alpha1.Rollback{Revision: 3} }), "goes back to revision 3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := j.Report(nil, c.sight, noon).Unfit; got != c.want {
				t.Errorf("unfit: %q, want %q", got, c.want)
			}
		})
	}
}
