package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/engine/helm"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/observe"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
	"github.com/addonctl/addonctl/pkg/record"
)

// drivenBy stands in a status for a loop that a command line drives.
const drivenBy = "cli"

// session is a command's connection to one cluster.
type session struct {
	*app
	client *kube.Client
	hub    *hub.Hub
	loop   *reconcile.Loop
	engine *helm.Engine
	// acting is a client of addonctl's own account that the command has looked with; nil while it looks as our user.
	acting   *kube.Client
	observer *observe.Observer
	// rolled follows the roll of a run; nil while nothing was driven.
	rolled *rollWatch
	clock  func() time.Time
	// told are facts that were given on the command line.
	told catalog.Facts
}

// Observe looks at the cluster and adds what was told.
func (s *session) Observe(ctx context.Context) (plan.Input, error) {
	in, err := s.observer.Observe(ctx)
	if err == nil {
		merge(&in, s.told)
	}
	return in, err
}

// Watch follows what the last look saw.
func (s *session) Watch(ctx context.Context) (changes <-chan struct{}, stop func()) {
	return s.observer.Watch(ctx)
}

// Refresh is the last look with what the watch knows, and what was told.
func (s *session) Refresh(in plan.Input) (plan.Input, bool) {
	in, known := s.observer.Refresh(in)
	merge(&in, s.told)
	return in, known
}

// connect finds the cluster, to work on an add-on of it; empty means the CNI of its network type. Nothing is asked of it yet.
func (a *app) connect(ctx context.Context, addOn string) (*session, error) {
	if problems := validation.IsDNS1123Subdomain(a.cluster); len(problems) > 0 {
		return nil, usage("give the name of a record, such as in-cluster", "--cluster %q: %s", a.cluster, problems[0])
	}
	c, err := a.catalog()
	if err != nil {
		return nil, err
	}
	if addOn != "" {
		if _, err := addOnOf(c, "--addon", addOn); err != nil {
			return nil, err
		}
	}
	folder, err := a.chartFolder(ctx)
	if err != nil {
		return nil, err
	}
	cfg, err := a.kube.config(a.note)
	if err != nil {
		return nil, err
	}
	client, err := kube.New(cfg)
	if err != nil {
		return nil, usage("check --kubeconfig and --context", "%w", err)
	}
	h := hub.New(client)
	o := &observe.Observer{Cluster: a.cluster, Target: client, Hub: h, Catalog: c, AddOn: addOn, Now: time.Now}
	e := &helm.Engine{Target: client, Charts: folder, NewCharts: len(a.charts.refs) > 0, Now: time.Now, Images: a.lookUp()}
	s := &session{app: a, client: client, hub: h, observer: o, engine: e, clock: time.Now}
	s.loop = &reconcile.Loop{
		Observer: s, Engine: e, Watcher: s,
		Recorder: &hub.Recorder{Hub: h, By: drivenBy},
		Pause:    time.Second, Transient: transient, Trouble: a.trouble,
	}
	return s, nil
}

// transient tells errors after which the loop looks again: a server that does not answer, a change made by somebody else in
// between, a step that has to wait, and an object that was refused in mid-write: the next look's dry run says by whom and why.
func transient(err error) bool {
	return kube.Unreachable(err) || apierrors.IsConflict(err) || errors.Is(err, hub.ErrChanged) ||
		errors.Is(err, record.ErrTaken) || errors.Is(err, helm.ErrStale) || errors.Is(err, helm.ErrRefused) || errors.Is(err, plan.ErrNotYet)
}

// catalog reads the built-in catalog, or the one of --catalog.
func (a *app) catalog() (*catalog.Catalog, error) {
	var files fs.FS = addons.FS
	if a.catalogDir != "" {
		if info, err := os.Stat(a.catalogDir); err != nil || !info.IsDir() {
			return nil, usage("give the folder that holds one folder for each add-on", "reading --catalog %q: it is no folder", a.catalogDir)
		}
		files = os.DirFS(a.catalogDir)
	}
	c, err := catalog.Load(files)
	if err != nil {
		return nil, fmt.Errorf("reading the catalog: %w", err)
	}
	return c, nil
}

// trouble tells of an error that is survived, once until another one comes.
func (a *app) trouble(err error) {
	if text := err.Error() + "; looking again"; text != a.troubled {
		a.note(text)
		a.troubled = text
	}
}

// note tells the person something that is no result.
func (a *app) note(text string) { fmt.Fprintln(a.Err, text) }

// explain turns a refusal to look into the list of every right that is missing.
func (s *session) explain(ctx context.Context, err error) error {
	if !apierrors.IsForbidden(err) {
		return err
	}
	missing, e := s.client.Missing(ctx, observe.Rights())
	if e != nil || len(missing) == 0 {
		return err
	}
	return lacking("look at what addonctl needs to see", missing)
}

// lacking is the error of a user without rights.
func lacking(what string, missing []string) error {
	return &exit{
		code: exitFailure, err: fmt.Errorf("your user may not %s; missing rights:\n  %s", what, strings.Join(missing, "\n  ")),
		hint: "ask for these rights, or use another context; docs/rights.md lists what addonctl needs",
	}
}
