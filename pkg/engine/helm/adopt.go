package helm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/record"
	"github.com/addonctl/addonctl/pkg/render"
)

// Adoption is what was found of an add-on that somebody else put on a cluster, and what taking it over would mean. Blocking
// findings say that it cannot be taken over.
type Adoption struct {
	// AddOn in the namespace where it was found.
	AddOn catalog.AddOn
	// Workload that was found, as namespace/name; empty when none was.
	Workload string
	// Release of the catalog that runs; zero when its version cannot be read or is none of the catalog's.
	Release catalog.Release
	// Done is true when it is under management already: nothing is to be taken over.
	Done bool
	// PodCIDRs of the live configuration; empty where it has none.
	PodCIDRs []string
	// Settings with which our render comes nearest to what is live.
	Settings plan.Settings
	// Objects that belong to it, in the order of writing.
	Objects []Taken
	// Differences between what is live, our render of that release, and what the former owner wrote last.
	Differences []ThreeWay
	Findings    []plan.Finding
	// Digest of what is live, by which it is recorded; empty when it cannot be recorded.
	Digest string
	// Revision under which it is recorded; 0 before Adopt.
	Revision int

	live *render.Render
}

// Taken is one object that is taken over.
type Taken struct {
	// Object as "Kind namespace/name".
	Object string `json:"object"`
	// Owner in words; empty when nothing says who put it there.
	Owner string `json:"owner,omitempty"`
	// Managers whose fields become ours.
	Managers []string `json:"managers,omitempty"`
}

// Blocking are the findings that stop an adoption.
func (a *Adoption) Blocking() []plan.Finding { return plan.Plan{Findings: a.Findings}.Blocking() }

// Adoptable looks at what somebody else put on the cluster for the add-on of the input. It writes nothing: the API server is asked
// in dry runs. What cannot be taken over is a finding; an error means that the cluster could not be asked.
func (e *Engine) Adoptable(ctx context.Context, in plan.Input) (*Adoption, error) {
	a := &Adoption{Findings: ruled(in)}
	a.AddOn, _, _ = plan.Target(in)
	if a.AddOn.Name == "" {
		return a, nil
	}
	l := &looker{Engine: e, in: in, Adoption: a}
	for _, look := range []func(context.Context) error{
		l.workload, l.managed, l.version, l.belongings, l.configured, l.literal, l.compare, l.owners, l.preview,
	} {
		if err := look(ctx); err != nil {
			return nil, fmt.Errorf("looking at what runs of %s: %w", a.AddOn.Name, err)
		}
		if l.over {
			break
		}
	}
	return a, nil
}

// ruled are the planner's rules that hold for an adoption too.
func ruled(in plan.Input) []plan.Finding {
	hold := []plan.Reason{
		plan.NotRegistered, plan.NetworkTypeImmutable, plan.NetworkTypeUnproven, plan.OtherRecord, plan.NoAddOn, plan.OtherCNI,
		plan.Paused, plan.NotBeside,
	}
	var out []plan.Finding
	for _, f := range plan.Make(in).Findings {
		if slices.Contains(hold, f.Reason) {
			out = append(out, f)
		}
	}
	return out
}

// looker is one look at what may be adopted.
type looker struct {
	*Engine
	*Adoption

	in plan.Input
	// over is true when nothing more can be found out.
	over bool
	set  *appsv1.DaemonSet
	// found are the live objects, the DaemonSet last.
	found []*unstructured.Unstructured
	// ours is our render of the release.
	ours *render.Render
}

func (l *looker) say(r plan.Reason, blocking bool, fix, format string, args ...any) {
	l.Findings = append(l.Findings, plan.Finding{
		Check: "adoptable", Reason: r, Message: fmt.Sprintf(format, args...), Fix: fix, Blocking: blocking,
	})
}

// refuse is say for what ends the look.
func (l *looker) refuse(r plan.Reason, fix, format string, args ...any) {
	l.say(r, true, fix, format, args...)
	l.over = true
}

// Adopt takes over what was shown: it records what is live as a revision, then writes our marks onto the objects one by one, each
// with the fields of its former owners, the DaemonSet last. No template and no configuration is written, and of a namespace only
// the label by which the guard keeps it. It may be
// repeated: what an earlier run did is found done. ErrStale means that something else is live than was shown.
func (e *Engine) Adopt(ctx context.Context, in plan.Input, shown *Adoption) (*Adoption, error) {
	a, err := e.Adoptable(ctx, in)
	if err != nil || a.Done {
		return a, err
	}
	if b := a.Blocking(); len(b) > 0 {
		return a, fmt.Errorf("adopting %s: %w: %s", a.AddOn.Name, ErrRefused, b[0].Message)
	}
	if a.Digest != shown.Digest || !a.Settings.Equal(shown.Settings) {
		return a, fmt.Errorf("adopting %s: it was changed meanwhile: %w", a.AddOn.Name, ErrStale)
	}
	store := record.Open(e.Target, a.AddOn.Workload.Namespace, a.AddOn.Release, e.Now)
	if a.Revision, err = begun(ctx, store, a); err != nil {
		return a, err
	}
	if err := e.claim(ctx, a.AddOn); err != nil {
		return a, fmt.Errorf("adopting %s: %w", a.AddOn.Name, err)
	}
	for _, o := range a.written() {
		if err := e.take(ctx, o); err != nil {
			return a, fmt.Errorf("adopting %s: %w", kube.Ref(o), err)
		}
	}
	return a, store.Finish(ctx, a.Revision, fmt.Sprintf("%s %s was adopted as it is", a.AddOn.Name, a.Release.Version))
}

// begun is the revision under which an adoption is recorded, pending: that of an earlier run, or a new one.
func begun(ctx context.Context, store *record.Store, a *Adoption) (int, error) {
	stored, err := store.Revisions(ctx)
	if err != nil {
		return 0, err
	}
	number, pending := 1, plan.PendingInstall
	if len(stored) > 0 {
		last := stored[len(stored)-1]
		if last.Digest == a.Digest && last.Status != string(plan.Failed) && literalWith(last.Chart, a.Settings) {
			return last.Number, nil
		}
		number, pending = last.Number+1, plan.PendingUpgrade
	}
	return number, store.Begin(ctx, record.Draft{
		Number: number, Chart: a.live.Chart, Values: a.live.Values, Manifest: a.live.Manifest, Settings: a.Settings.JSON(),
		Description: fmt.Sprintf("adopt %s %s as it is", a.AddOn.Name, a.Release.Version), Pending: string(pending),
	})
}

// written are the objects as they are written: as they are live, with our marks. The DaemonSet is the last one, because by its
// marks the adoption is known to be whole.
func (a *Adoption) written() []*unstructured.Unstructured {
	var out []*unstructured.Unstructured
	for _, o := range a.live.Objects {
		if render.PhaseOf(o) == render.Workloads {
			o = o.DeepCopy()
			notes := o.GetAnnotations()
			notes[kube.AnnotationDigest] = a.Digest
			if a.Revision > 0 {
				notes[kube.AnnotationRevision] = strconv.Itoa(a.Revision)
			}
			o.SetAnnotations(notes)
		}
		out = append(out, o)
	}
	slices.SortStableFunc(out, func(x, y *unstructured.Unstructured) int { return a.last(x) - a.last(y) })
	return out
}

// last is 1 for the add-on's own workload.
func (a *Adoption) last(o *unstructured.Unstructured) int {
	w := a.AddOn.Workload
	if o.GetKind() == w.Kind && o.GetName() == w.Name && o.GetNamespace() == w.Namespace {
		return 1
	}
	return 0
}

// take makes an object ours: the fields of its former owners first, then our marks. Both writes carry the version that was read.
func (e *Engine) take(ctx context.Context, o *unstructured.Unstructured) error {
	live, err := e.Target.Get(ctx, o)
	if err != nil {
		return err
	}
	if live == nil {
		return fmt.Errorf("it is gone: %w", ErrStale)
	}
	if live, err = e.migrate(ctx, live); err != nil {
		return err
	}
	if err := e.asked(ctx, o, live, false); err != nil {
		return err
	}
	got, err := e.Target.Write(ctx, o, live, kube.How{})
	if err != nil {
		return err
	}
	return untouched(live, got)
}

// errTouched says that taking an object over would change what it says.
var errTouched = errors.New("taking it over would change it")

// asked asks the API server whether writing an object leaves it as it is.
func (e *Engine) asked(ctx context.Context, o, live *unstructured.Unstructured, force bool) error {
	got, err := e.Target.Write(ctx, o, live, kube.How{DryRun: true, Force: force})
	if err != nil {
		return err
	}
	return untouched(live, got)
}
