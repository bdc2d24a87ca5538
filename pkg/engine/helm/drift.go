package helm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/record"
	"github.com/addonctl/addonctl/pkg/render"
)

var (
	// ErrNotRecorded says that no revision of ours is recorded: there is nothing to compare with.
	ErrNotRecorded = errors.New("no revision written by addonctl is recorded")
	// ErrUnderWay says that a move is under way: what is live is of two releases until it is finished.
	ErrUnderWay = errors.New("a move is under way")
)

// RightsError says that our user may not ask what the comparison needs.
type RightsError struct{ Missing []string }

func (e *RightsError) Error() string { return "missing rights: " + strings.Join(e.Missing, "; ") }

// Drift is what is live of an add-on and is not as we recorded it.
type Drift struct {
	AddOn string `json:"addon"`
	// Version and Revision that live objects were compared with: the newest revision of ours that they are of.
	Version  string `json:"version"`
	Revision int    `json:"revision"`
	// Open is true while a move is under way.
	Open bool `json:"open,omitempty"`
	// SettingBack is true while nodes take again what was recorded.
	SettingBack bool `json:"settingBack,omitempty"`
	// Objects that differ, in the order of writing.
	Objects []ObjectDrift `json:"objects"`
	// Guard are the objects of the CNI's guard that are missing or were changed.
	Guard []string `json:"guard,omitempty"`
	// ByHand are the revisions that somebody else wrote since, oldest first.
	ByHand []plan.Revision `json:"byHand,omitempty"`
	// Unrecorded says of what the live workload is, when it carries the mark of no recorded revision; else empty.
	Unrecorded string `json:"unrecorded,omitempty"`
	// Kept counts fields that differ and are left alone: by an exclusion, or by the conflict policy Preserve.
	Kept int `json:"kept,omitempty"`
}

// ObjectDrift is one object that differs from what was recorded.
type ObjectDrift struct {
	// Object as "Kind name".
	Object string `json:"object"`
	// Missing is true when it is not on the cluster.
	Missing bool `json:"missing,omitempty"`
	// Refused is what the API server says to setting it back; empty when it would.
	Refused string `json:"refused,omitempty"`
	// Fields that differ: Live is the live value, After the recorded one.
	Fields []plan.Field `json:"fields,omitempty"`
	// CoOwners are other field managers that own fields that are as recorded, with how many: they set them, and may again. They are
	// no drift.
	CoOwners map[string]int `json:"coOwners,omitempty"`
}

// Differs tells whether the object is not as recorded.
func (o ObjectDrift) Differs() bool { return o.Missing || o.Refused != "" || len(o.Fields) > 0 }

// Found tells whether there is any drift.
func (d Drift) Found() bool {
	return slices.ContainsFunc(d.Objects, ObjectDrift.Differs) || len(d.Guard) > 0 || len(d.ByHand) > 0 || d.Unrecorded != ""
}

// Rolls tells whether setting back changes the workload's pods.
func (d Drift) Rolls() bool {
	return slices.ContainsFunc(d.Objects, func(o ObjectDrift) bool {
		workload := strings.HasPrefix(o.Object, "DaemonSet ") || strings.HasPrefix(o.Object, "Deployment ")
		return workload && (o.Missing || slices.ContainsFunc(o.Fields, func(f plan.Field) bool { return strings.HasPrefix(f.Path, "spec.template.") }))
	})
}

// Exclusion leaves drift alone: of an object that a pattern matches, the fields at and below a path; an empty path means all.
type Exclusion struct{ Object, Path string }

// ParseExclusion reads an exclusion written as "Kind name:path", such as
// "DaemonSet kube-flannel-ds:spec.template.spec.tolerations". In the object * stands for any text without a slash, and the path
// may be left out with its colon.
func ParseExclusion(s string) (Exclusion, error) {
	e := Exclusion{Object: s}
	if i := strings.LastIndex(s, ":"); i >= 0 {
		e = Exclusion{Object: s[:i], Path: s[i+1:]}
	}
	e.Object, e.Path = strings.TrimSpace(e.Object), strings.TrimPrefix(strings.TrimSpace(e.Path), ".")
	if _, err := path.Match(e.Object, ""); err != nil || !strings.Contains(e.Object, " ") {
		return e, fmt.Errorf("%q is no exclusion: write it as %q", s, "Kind name:path")
	}
	return e, nil
}

// covers tells whether a field of an object is excluded; an empty path asks for the object as a whole.
func (e Exclusion) covers(object, field string) bool {
	if ok, _ := path.Match(e.Object, object); !ok {
		return false
	}
	rest, below := strings.CutPrefix(field, e.Path)
	return e.Path == "" || below && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

func covered(excluded []Exclusion, object, field string) bool {
	return slices.ContainsFunc(excluded, func(e Exclusion) bool { return e.covers(object, field) })
}

// Drift compares what is live with the newest revision of ours that it is of, object by object and field by field. The API server
// is asked, in a dry run, what each object would be with all fields of ours set back, so that what it fills in and what others
// add beside are no drift. Nothing is written.
func (e *Engine) Drift(ctx context.Context, in plan.Input, excluded []Exclusion) (Drift, error) {
	j, b, stored, err := e.recordedAs(ctx, in)
	if err != nil {
		return Drift{}, err
	}
	d := Drift{
		AddOn: j.addOn.Name, Version: b.revision.Version, Revision: b.revision.Number, Open: b.open, SettingBack: b.again,
		Objects: []ObjectDrift{}, Guard: in.Cluster.Guard.Wrong, Unrecorded: unrecorded(stored, in.Installed),
	}
	for _, r := range in.Record.Revisions {
		if r.By != "" && r.Number > b.revision.Number {
			d.ByHand = append(d.ByHand, r)
		}
	}
	for _, o := range b.objects {
		one, kept, err := j.driftOf(ctx, b, o, excluded)
		if err != nil {
			return d, err
		}
		d.Kept += len(kept)
		if one.Differs() || len(one.CoOwners) > 0 {
			d.Objects = append(d.Objects, one)
		}
	}
	return d, nil
}

// recordedAs is what live objects have to be compared with.
func (e *Engine) recordedAs(ctx context.Context, in plan.Input) (*job, *base, []record.Revision, error) {
	addOn, _, _ := plan.Target(in)
	j := &job{Engine: e, addOn: addOn, with: folder(e.Charts), conflicts: plan.MergedConflicts(in)}
	stored, err := j.revisions(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	b := j.baseOf(stored, in.Installed.Digest)
	if b == nil {
		return nil, nil, nil, fmt.Errorf("comparing %s: %w", addOn.Name, ErrNotRecorded)
	}
	j.onDelete, j.lenient = j.wasHeld(in, b), plan.KeepsStrategy(in)
	if _, err := j.Target.Learn(ctx, b.objects); err != nil {
		return nil, nil, nil, err
	}
	rights, err := j.Target.WriteRights(b.objects)
	if err != nil {
		return nil, nil, nil, err
	}
	missing, err := j.Target.Missing(ctx, rights)
	if err == nil && len(missing) > 0 {
		err = &RightsError{missing}
	}
	return j, b, stored, err
}

// unrecorded says of what the live workload is when its mark is that of no recorded revision.
func unrecorded(stored []record.Revision, live plan.Installed) string {
	if !live.Present || slices.ContainsFunc(stored, func(r record.Revision) bool { return r.Digest == live.Digest }) {
		return ""
	}
	return cmp.Or(live.Version, "an unknown release")
}

// driftOf compares one recorded object; kept are the fields that differ and are left alone.
func (j *job) driftOf(ctx context.Context, b *base, o *unstructured.Unstructured, excluded []Exclusion) (out ObjectDrift, kept []kube.Field, err error) {
	out.Object = kube.Ref(o)
	if covered(excluded, out.Object, "") {
		return out, nil, nil
	}
	live, err := j.Target.Get(ctx, o)
	if err != nil {
		return out, nil, fmt.Errorf("reading %s: %w", out.Object, err)
	}
	if live == nil {
		out.Missing = true
		return out, nil, nil
	}
	o = j.marked(o, b.revision.Digest, 0)
	after, refused, err := j.restored(ctx, b, o, live)
	if err != nil || refused != "" {
		out.Refused = refused
		return out, nil, err
	}
	for _, f := range kube.Differing(live, after) {
		switch {
		case j.passes(b, f):
		case j.preserves(o, live, f), covered(excluded, out.Object, f.Path):
			kept = append(kept, f)
		default:
			out.Fields = append(out.Fields, field(f, ""))
		}
	}
	out.CoOwners = kube.CoOwned(live, after)
	return out, kept, nil
}

// passes tells whether a field differs by our own doing: in the middle of a move it is of the other release, and a strategy that is kept
// comes with the next change.
func (j *job) passes(b *base, f kube.Field) bool {
	return b.open && f.Owner == "" || j.lenient && (f.Ours || f.Owner == "") && ofStrategy(f.Path)
}

// preserves tells whether the conflict policy leaves a field to its owner.
func (j *job) preserves(o, live *unstructured.Unstructured, f kube.Field) bool {
	return j.conflicts == plan.Preserve && f.Owner != "" && !vital(o, live, f.Path)
}

// restored is an object as the API server would have it with all fields of ours set back. Rules are narrow once no pod of an
// older release is left.
func (j *job) restored(ctx context.Context, b *base, o, live *unstructured.Unstructured) (after *unstructured.Unstructured, refused string, err error) {
	if newer, err := j.outlives(ctx, o, live, b.revision.Version); err != nil || newer {
		return live, "", err
	}
	o = j.marked(o, b.revision.Digest, 0)
	if b.open || b.again {
		o = render.Union([]*unstructured.Unstructured{o}, []*unstructured.Unstructured{live})[0]
	}
	after, err = j.Target.Write(ctx, o, live, kube.How{DryRun: true, Force: true})
	switch {
	case err == nil:
		return after, "", nil
	case refuses(err) || strings.Contains(err.Error(), noDryRun):
		return nil, err.Error(), nil
	default:
		return nil, "", fmt.Errorf("comparing %s: %w", kube.Ref(o), err)
	}
}

// SetBack writes drifted objects as they were recorded and takes the fields that differ from whoever owns them; what is excluded
// stays as it is. The guard is not its part.
//
// Where a workload's template had drifted, nodes take it again, and where somebody wrote revisions by hand, ours is to be the newest:
// then what we wrote is recorded again as pending, rules are joined with those that pods still need, and the steps AwaitNodes and Settle
// of the next plan finish it. Killed half-way it may be repeated, and goes on with the same revision.
func (e *Engine) SetBack(ctx context.Context, in plan.Input, d Drift, excluded []Exclusion) ([]plan.ObjectChange, error) {
	j, b, stored, err := e.recordedAs(ctx, in)
	if err != nil {
		return nil, err
	}
	if b.open {
		return nil, fmt.Errorf("setting %s back: %w", d.AddOn, ErrUnderWay)
	}
	to, err := j.goal(ctx, in, d, b, stored)
	if err != nil {
		return nil, err
	}
	return j.setAllBack(ctx, b, d, to, excluded)
}

// goal is the revision that objects are set back to.
type goal struct {
	number int
	// pending is true when it was begun anew: workloads are marked with it.
	pending bool
	// wide joins rules with those that are live: pods that run may need them until it is settled.
	wide bool
}

// goal begins a revision where one is needed, or goes on with the one that was begun.
func (j *job) goal(ctx context.Context, in plan.Input, d Drift, b *base, stored []record.Revision) (goal, error) {
	last := stored[len(stored)-1]
	pending := last.Status == string(plan.PendingUpgrade) || last.Status == string(plan.PendingInstall)
	switch {
	case b.again && pending && last.By == "":
		return goal{last.Number, true, true}, nil
	case in.Installed.Version != b.revision.Version && !d.Rolls(): // it is excluded: another release goes on running, and is not recorded as ours
		return goal{number: b.revision.Number, wide: true}, nil
	case b.again || d.Rolls() || len(d.ByHand) > 0:
		return goal{last.Number + 1, true, true}, j.rerecord(ctx, in, b, last.Number+1)
	default:
		return goal{number: b.revision.Number}, nil
	}
}

// setAllBack writes the drifted objects, and with a new revision the workloads, which carry its number. Of an object that is excluded
// as a whole nothing is written but that.
func (j *job) setAllBack(ctx context.Context, b *base, d Drift, to goal, excluded []Exclusion) ([]plan.ObjectChange, error) {
	var out []plan.ObjectChange
	for _, o := range b.objects {
		drifted := slices.ContainsFunc(d.Objects, func(x ObjectDrift) bool { return x.Object == kube.Ref(o) && x.Differs() })
		marks := to.pending && render.PhaseOf(o) == render.Workloads
		write := j.setBack
		if covered(excluded, kube.Ref(o), "") {
			drifted, write = false, j.remark
		}
		if !drifted && !marks {
			continue
		}
		c, err := write(ctx, b, o, to, excluded)
		if err != nil {
			return out, err
		}
		out = append(out, c)
		if stops(c) {
			return out, fmt.Errorf("setting %s back: %w: %s", c.Object, ErrRefused, c.Message)
		}
	}
	return out, nil
}

// setBack writes one object as it was recorded.
func (j *job) setBack(ctx context.Context, b *base, o *unstructured.Unstructured, to goal, excluded []Exclusion) (plan.ObjectChange, error) {
	c := plan.ObjectChange{Object: kube.Ref(o)}
	found, kept, err := j.driftOf(ctx, b, o, excluded)
	if err != nil {
		return c, err
	}
	live, err := j.Target.Get(ctx, o)
	if err != nil {
		return c, fmt.Errorf("reading %s: %w", c.Object, err)
	}
	for _, f := range found.Fields {
		f.Fate = plan.Take
		c.Fields = append(c.Fields, f)
	}
	o = j.holding(live, kept).marked(o, b.revision.Digest, to.number)
	if live != nil {
		if to.wide {
			o = render.Union([]*unstructured.Unstructured{o}, []*unstructured.Unstructured{live})[0]
		}
		o = kube.Without(o, live, kept)
	}
	how := kube.How{Force: true}
	after, err := j.Target.Write(ctx, o, live, how)
	return judge(attempt{c, live, after}, err, how)
}

// remark writes our marks onto a workload and leaves all else of it as it is. One that is not there stays away.
func (j *job) remark(ctx context.Context, b *base, o *unstructured.Unstructured, to goal, _ []Exclusion) (plan.ObjectChange, error) {
	c := plan.ObjectChange{Object: kube.Ref(o), Action: plan.Unchanged}
	live, err := j.Target.Get(ctx, o)
	if err != nil {
		return c, fmt.Errorf("reading %s: %w", c.Object, err)
	}
	if live == nil {
		return c, nil
	}
	j = j.asHeld(live)
	after, refused, err := j.restored(ctx, b, o, live)
	if err != nil || refused != "" {
		c.Action, c.Message = plan.Refused, refused
		return c, err
	}
	kept := slices.DeleteFunc(kube.Differing(live, after), func(f kube.Field) bool { return ownMark(f.Path) })
	o = kube.Without(j.marked(o, b.revision.Digest, to.number), live, kept)
	if err := j.Engine.asked(ctx, o, live, true); err != nil {
		if errors.Is(err, errTouched) {
			c.Action, c.Message = plan.Refused, err.Error()
			return c, nil
		}
		return c, fmt.Errorf("trying the marks of %s: %w", c.Object, err)
	}
	how := kube.How{Force: true}
	after, err = j.Target.Write(ctx, o, live, how)
	return judge(attempt{c, live, after}, err, how)
}

// rerecord begins a revision that is what another one of ours was.
func (j *job) rerecord(ctx context.Context, in plan.Input, b *base, number int) error {
	draft := record.Draft{
		Number: number, Chart: b.revision.Chart, Manifest: b.revision.Manifest, Settings: b.revision.Settings,
		Description: fmt.Sprintf("set back to revision %d", b.revision.Number), Pending: string(plan.PendingUpgrade),
	}
	if v := parsed(b.revision.Version); b.revision.Chart != nil {
		if r, ok := j.addOn.Find(v); ok {
			held := j.onDelete // of what is recorded, whatever the target is
			j.with = chartOf(b.revision)
			if err := j.make(in, r); err == nil && j.digest == b.revision.Digest {
				draft.Values = j.render.Values
			}
			j.onDelete = held
		}
	}
	return j.storage().Begin(ctx, draft)
}
