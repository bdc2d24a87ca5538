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
	seat     *drive.Seat
	client   *kube.Client
	hub      *hub.Hub
	loop     *reconcile.Loop
	engine   *helm.Engine
	observer *observe.Observer
	// rolled follows the roll of a run; nil while nothing was driven.
	rolled *rollWatch
	clock  func() time.Time
	// by is the manager that drives the cluster while this command watches; empty when the command drives it.
	by string
	// told are facts that were given on the command line.
	told catalog.Facts
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
	seat := drive.New(drive.Place{Cluster: a.cluster, AddOn: addOn, Target: client, Hub: client, Catalog: c, Charts: folder, By: drivenBy})
	s := &session{
		app: a, seat: seat, client: client, hub: seat.Hub, observer: seat.Observer, engine: seat.Engine, loop: seat.Loop, clock: time.Now,
	}
	seat.Adjust = func(in *plan.Input) { merge(in, s.told) }
	s.heedRecalls()
	seat.Note, seat.Patience, seat.Loop.Trouble = a.note, patience, a.trouble
	seat.Engine.NewCharts, seat.Engine.Images = len(a.charts.refs) > 0, a.lookUp()
	return s, nil
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
