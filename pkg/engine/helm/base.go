package helm

import (
	"context"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/record"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/version"
)

// base is what we wrote last, as it was recorded.
type base struct {
	revision record.Revision
	objects  []*unstructured.Unstructured
	// open is true while a move is under way: then objects are of two releases.
	open bool
	// again is true while what was recorded is being set back: objects are of this release alone, and rules are wider until its nodes
	// have taken it.
	again bool
}

// baseOf is the newest revision of ours that the live workload's mark names, else the newest of ours that was settled; nil when
// there is none, and when it cannot be read.
func (j *job) baseOf(stored []record.Revision, digest string) *base {
	named := func(r record.Revision) bool { return r.Digest == digest }
	for _, is := range []func(record.Revision) bool{named, settled} {
		for _, r := range slices.Backward(stored) {
			if r.By != "" || !is(r) {
				continue
			}
			objects, err := render.Parse(r.Manifest)
			if err != nil {
				return nil
			}
			again := setsBack(stored, r.Digest)
			return &base{revision: r, objects: objects, open: underWay(stored) && !again, again: again}
		}
	}
	return nil
}

func settled(r record.Revision) bool {
	return r.Status == string(plan.Deployed) || r.Status == string(plan.Superseded)
}

// setsBack tells whether what is under way goes to what we had settled last: it was changed since, by hand, and is set back.
func setsBack(stored []record.Revision, digest string) bool {
	if !underWay(stored) {
		return false
	}
	for _, r := range slices.Backward(stored) {
		switch {
		case r.By != "":
		case r.Digest != digest:
			return false
		case settled(r):
			return true
		}
	}
	return false
}

// underWay tells whether the newest revision of ours is not settled.
func underWay(stored []record.Revision) bool {
	for _, r := range slices.Backward(stored) {
		if r.By == "" {
			return !settled(r)
		}
	}
	return false
}

// edits adds to a change the fields that somebody changed since we wrote them and that writing sets back. While a move is under
// way only what others own is told: what is ours is of one of the two releases.
func (j *job) edits(ctx context.Context, b *base, a *attempt) error {
	if b == nil {
		return nil
	}
	was := namesake(b.objects, a.live)
	if was == nil {
		return nil
	}
	restored, _, err := j.restored(ctx, b, was, a.live)
	if err != nil || restored == nil {
		return err
	}
	undone := kube.Differing(a.live, a.after)
	for _, f := range kube.Differing(a.live, restored) {
		i := slices.IndexFunc(undone, func(u kube.Field) bool { return u.Path == f.Path })
		known := slices.ContainsFunc(a.change.Fields, func(g plan.Field) bool { return g.Path == f.Path })
		if i < 0 || known || f.Owner == "" && (b.open || ofStrategy(f.Path)) || ownMark(f.Path) {
			continue
		}
		a.change.Fields = append(a.change.Fields, field(undone[i], plan.Undo))
	}
	return nil
}

// ofStrategy tells whether a field is the engine's, which each write of ours sets anew.
func ofStrategy(path string) bool { return strings.HasPrefix(path, "spec.updateStrategy.") }

// ownMark tells whether a field is one of the marks that each write of ours sets anew.
func ownMark(path string) bool { return strings.HasPrefix(path, "metadata.annotations[addonctl.io/") }

// parsed is a version; zero when it is none.
func parsed(s string) version.Version {
	v, err := version.Parse(s)
	if err != nil {
		return version.Version{}
	}
	return v
}
