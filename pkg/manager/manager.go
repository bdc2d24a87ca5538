package manager

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/controller"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/metric"
)

// buildVersion is set by the linker (see e2e/image).
var buildVersion = "dev"

// LeaseName is the name of the Lease in the hub that elects the leader; a shard has one of its own.
const LeaseName = "addon-manager"

// Limits of the manager's own client of the hub: enough to keep the statuses of a hundred clusters under way.
const (
	qps   = 100
	burst = 300
)

// thrifty is how much of what is in use may be garbage, in percent: most of the time nothing happens, and what reading a fleet left behind would
// stay for as long. GOGC of the environment replaces it.
const thrifty = 40

// options are the flags.
type options struct {
	kubeconfig string
	namespace  string
	shard      string
	selector   string
	catalogDir string
	address    string
	elect      bool
	// gather is how long the clusters of a rollout are gathered.
	gather time.Duration
	// drives is true when clusters are driven, rollouts when rollouts are decided, and byDefault when clusters that no policy takes follow
	// the built-in one.
	drives, rollouts, byDefault bool
	workers                     int
	resync                      time.Duration
	// discover is the time between two looks whether the hub serves Cluster API.
	discover time.Duration
	timeout  time.Duration
	// version only says which one this is.
	version bool
}

func (o *options) flags(errs io.Writer) *pflag.FlagSet {
	f := pflag.NewFlagSet("addon-manager", pflag.ContinueOnError)
	f.SetOutput(errs)
	f.StringVar(&o.kubeconfig, "hub-kubeconfig", "", "kubeconfig of the API server that holds the records; empty takes the ServiceAccount of this pod")
	f.StringVar(&o.namespace, "namespace", "addonctl-system", "namespace of the hub that the Lease is in")
	f.StringVar(&o.shard, "shard", "", "name of a part of the fleet, for a Lease of its own; goes with --selector")
	f.StringVar(&o.selector, "selector", "", "labels of the ClusterNetworks that this manager drives; empty drives all")
	f.StringVar(&o.catalogDir, "catalog", "", "folder with a catalog to use instead of the built-in one")
	f.StringVar(&o.address, "health-address", ":8080", "address of /healthz, /readyz and /metrics; 0 serves none")
	f.BoolVar(&o.elect, "leader-election", true, "elect one leader; without it nobody else may run")
	f.BoolVar(&o.drives, "drive", true, "drive clusters to what their records want; without it only rollouts are decided")
	f.BoolVar(&o.rollouts, "rollouts", true, "open rollouts and decide on them, and pick up clusters of Cluster API, for the whole hub; one manager alone does, so it is off with --selector")
	f.BoolVar(&o.byDefault, "default-policy", true, "let clusters that no UpdatePolicy takes follow the built-in one; else they stay as they are")
	f.DurationVar(&o.gather, "gather", 30*time.Second, "how long after a rollout was opened its clusters are chosen: they tell one after the other which release they would take")
	f.IntVar(&o.workers, "workers", 10, "how many clusters, and how many rollouts, are worked on at once; a cluster whose nodes are waited for does not count")
	f.DurationVar(&o.resync, "resync", 5*time.Minute, "time between two looks at a cluster that has nothing to do, and the longest back-off of one that does not answer")
	f.DurationVar(&o.timeout, "timeout", 15*time.Minute, "how long the nodes of a move may take that the DaemonSet controller changes, before those in trouble make it a failed one")
	f.BoolVar(&o.version, "version", false, "say which version this is, and end")
	return f
}

// lease is the name of the Lease.
func (o *options) lease() string {
	if o.shard == "" {
		return LeaseName
	}
	return LeaseName + "-" + o.shard
}

// check reads the labels, and refuses what makes no sense.
func (o *options) check() (labels.Selector, error) {
	s, err := labels.Parse(o.selector)
	if err != nil {
		err = fmt.Errorf("reading --selector %q: %w", o.selector, err)
	}
	if problems := validation.IsDNS1123Label(o.namespace); len(problems) > 0 {
		err = errors.Join(err, fmt.Errorf("--namespace %q: %s", o.namespace, problems[0]))
	}
	if problems := validation.IsDNS1123Label(o.lease()); len(problems) > 0 {
		err = errors.Join(err, fmt.Errorf("--shard %q: %s", o.shard, problems[0]))
	}
	if o.rollouts && o.selector != "" {
		err = errors.Join(err, errors.New("--rollouts with --selector: who decides on rollouts has to see every cluster; run one more manager with --drive=false for them"))
	}
	if !o.rollouts && !o.drives {
		err = errors.Join(err, errors.New("--drive=false without --rollouts leaves nothing to do"))
	}
	if o.workers < 1 || o.resync < time.Second || o.timeout <= 0 || o.gather < 0 {
		err = errors.Join(err, errors.New("--workers is at least 1, --resync at least 1s, --timeout above 0, and --gather not below 0"))
	}
	return s, err
}

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// Run runs the manager until the context ends, and returns the exit code. Its log goes to errs.
func Run(ctx context.Context, args []string, errs io.Writer) int {
	return (&options{discover: time.Minute}).main(ctx, args, errs)
}

func (o *options) main(ctx context.Context, args []string, errs io.Writer) int {
	f := o.flags(errs)
	if err := f.Parse(args); errors.Is(err, pflag.ErrHelp) {
		return exitOK
	} else if err != nil {
		fmt.Fprintf(errs, "addon-manager: %s\n", err)
		return exitUsage
	}
	if o.version {
		fmt.Fprintf(errs, "addon-manager %s\n", buildVersion)
		return exitOK
	}
	if !f.Changed("rollouts") {
		o.rollouts = o.selector == ""
	}
	selector, err := o.check()
	if err == nil && f.NArg() > 0 {
		err = fmt.Errorf("unknown argument %q", f.Arg(0))
	}
	if err != nil {
		fmt.Fprintf(errs, "addon-manager: %s\n", err)
		return exitUsage
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(thrifty)
	}
	log := logr.FromSlogHandler(slog.NewJSONHandler(errs, nil))
	ctrl.SetLogger(log)
	klog.SetLogger(log)
	log.Info("The manager begins", "version", buildVersion)
	if err := o.run(ctx, selector); err != nil {
		log.Error(err, "The manager ends")
		return exitFailure
	}
	return exitOK
}

func (o *options) run(ctx context.Context, selector labels.Selector) error {
	cfg, err := o.config()
	if err != nil {
		return fmt.Errorf("finding the hub: %w", err)
	}
	c, err := controller.NewCatalogs(o.catalog())
	if err != nil {
		return fmt.Errorf("reading the catalog: %w", err)
	}
	c.Fetch = fetch(ctrl.Log.WithName("catalog"))
	hub, err := kube.New(cfg)
	if err != nil {
		return err
	}
	cfg = rest.CopyConfig(cfg)
	cfg.QPS, cfg.Burst = qps, burst
	m, err := o.process(cfg, selector)
	if err != nil {
		return err
	}
	if err := o.controllers(m, hub, c); err != nil {
		return err
	}
	return m.Start(ctx)
}

// controllers registers all of them.
func (o *options) controllers(m ctrl.Manager, hub *kube.Client, c *controller.Catalogs) error {
	seen := metric.New(o.reader(m.GetClient()), leads(m))
	if err := metrics.Registry.Register(seen); err != nil {
		return fmt.Errorf("registering metrics: %w", err)
	}
	name := o.namespace + "/" + o.lease()
	reached := &sites{hub: hub, catalogs: c, charts: charts.FS, by: name}
	if err := o.decisions(m, reached, seen); err != nil || !o.drives {
		return err
	}
	clusters := &controller.Clusters{
		Hub: m.GetClient(), Catalogs: c, Sites: reached,
		Name: name, Workers: o.workers, Resync: o.resync, Timeout: o.timeout, Times: seen, Events: m.GetEventRecorder("addon-manager"),
	}
	return clusters.SetUp(m)
}

// decisions registers the controllers that one manager of a hub has: it sees every cluster, so two names that are one are seen too.
func (o *options) decisions(m ctrl.Manager, reached *sites, seen controller.Stopwatch) error {
	c := reached.catalogs
	if !o.rollouts {
		return controller.AddCatalog(m, c)
	}
	err := controller.AddFleet(m, controller.FleetOptions{
		Name: o.namespace + "/" + o.lease(), DefaultPolicy: o.byDefault, Catalogs: c, Gather: o.gather, Times: seen, Workers: o.workers,
	})
	if err != nil {
		return err
	}
	p := &controller.PickUp{
		Enroller: &enroller{sites: reached, namespace: o.namespace}, Catalogs: c, Every: o.discover, Resync: o.resync, Workers: o.workers,
	}
	return p.SetUp(m)
}

// process is what runs controllers.
func (o *options) process(cfg *rest.Config, selector labels.Selector) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	ready := &readiness{}
	m, err := ctrl.NewManager(cfg, ctrl.Options{
		Scheme: scheme,
		Cache: cache.Options{
			DefaultTransform: cache.TransformStripManagedFields(),
			ByObject:         map[client.Object]cache.ByObject{&v1alpha1.ClusterNetwork{}: {Label: selector}},
		},
		LeaderElection: o.elect, LeaderElectionID: o.lease(), LeaderElectionNamespace: o.namespace,
		LeaderElectionReleaseOnCancel: true, // the process ends with it
		HealthProbeBindAddress:        "0",
		Metrics: metricsserver.Options{BindAddress: o.address, ExtraHandlers: map[string]http.Handler{
			"/healthz": http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
			"/readyz":  ready,
		}},
	})
	if err != nil {
		return nil, err
	}
	ready.cache = m.GetCache()
	return m, m.Add(ready)
}

// readiness is that of this process: it has read the records, and drives clusters as soon as it leads.
type readiness struct {
	cache cache.Cache
	read  atomic.Bool
}

// NeedLeaderElection is false: a standby is ready too.
func (*readiness) NeedLeaderElection() bool { return false }

// Start waits until the records were read.
func (r *readiness) Start(ctx context.Context) error {
	r.read.Store(r.cache.WaitForCacheSync(ctx))
	<-ctx.Done()
	return nil
}

func (r *readiness) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if !r.read.Load() {
		http.Error(w, "the records are not read yet", http.StatusServiceUnavailable)
	}
}

func (o *options) config() (*rest.Config, error) {
	if o.kubeconfig == "" {
		return rest.InClusterConfig()
	}
	return clientcmd.BuildConfigFromFlags("", o.kubeconfig)
}

// catalog is what the manager begins with.
func (o *options) catalog() fs.FS {
	if o.catalogDir != "" {
		return os.DirFS(o.catalogDir)
	}
	return addons.FS
}
