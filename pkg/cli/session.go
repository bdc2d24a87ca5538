package cli

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/drive"
	"github.com/addonctl/addonctl/pkg/engine/helm"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/observe"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/reconcile"
)

// drivenBy stands in a status for a loop that a command line drives.
const drivenBy = "cli"

// session is a command's connection to one cluster.
type session struct {
	*app
	// seat is where the cluster is driven from; what is below is of it.
	seat *drive.Seat
	// client is the cluster, and home the API server that holds its records: the same for a cluster that is its own hub.
	client, home *kube.Client
	hub          *hub.Hub
	loop         *reconcile.Loop
	engine       *helm.Engine
	observer     *observe.Observer
	// rolled follows the roll of a run; nil while nothing was driven.
	rolled *rollWatch
	clock  func() time.Time
	// by is the manager that drives the cluster while this command watches; empty when the command drives it.
	by string
	// told are facts that were given on the command line.
	told catalog.Facts
}

// connect finds the cluster, to work on an add-on of it; empty means the CNI of its network type. Nothing is asked of it yet,
// but of another cluster of a hub, which is reached as its record says.
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
	home, err := kube.New(cfg)
	if err != nil {
		return nil, usage("check --kubeconfig and --context", "%w", err)
	}
	target, err := a.target(ctx, home)
	if err != nil {
		return nil, err
	}
	s := a.sit(drive.Place{Cluster: a.cluster, AddOn: addOn, Target: target, Hub: home, Catalog: c, Charts: folder, By: drivenBy})
	seat := s.seat
	seat.Adjust = func(in *plan.Input) { merge(in, s.told) }
	s.heedRecalls()
	seat.Note, seat.Patience, seat.Loop.Trouble = a.note, patience, a.trouble
	seat.Engine.NewCharts, seat.Engine.Images = len(a.charts.refs) > 0, a.lookUp()
	if s.client != s.home {
		return s, s.asAccount(ctx)
	}
	return s, nil
}

// sit is a session at a place.
func (a *app) sit(p drive.Place) *session {
	seat := drive.New(p)
	return &session{
		app: a, seat: seat, client: p.Target, home: p.Hub, hub: seat.Hub, observer: seat.Observer, engine: seat.Engine, loop: seat.Loop, clock: time.Now,
	}
}

// asAccount lets addonctl's own account of the cluster act, where our user may have a token of it. In another cluster than the hub it looks too, as
// the manager's does: the user of that kubeconfig may have no right but to ask for such tokens.
func (s *session) asAccount(ctx context.Context) error {
	if s.seat.Acting() != nil {
		return nil
	}
	if err := s.seat.AsAccount(ctx); err != nil {
		return err
	}
	if acting := s.seat.Acting(); acting != nil && s.client != s.home {
		s.observer.Target, s.client = acting, acting
	}
	return nil
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

// rightsHint is what to do about missing rights.
const rightsHint = "ask for these rights, or use another context; docs/rights.md lists what addonctl needs"

// lacking is the error of a user without rights.
func lacking(what string, missing []string) error {
	return &exit{code: exitFailure, err: &drive.RightsError{What: what, Missing: missing}, hint: rightsHint}
}
