package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"

	"github.com/addonctl/addonctl/manifests"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/render"
)

// What stands in manifests/manager, for what a command line says.
const (
	managerNamespace = "addonctl-system"
	managerImage     = "addon-manager:unpublished"
	managerName      = "addon-manager"
)

// initFlags are the flags of init.
type initFlags struct {
	image, namespace         string
	hub, target, print       bool
	dryRun, yes, wait, force bool
	timeout                  time.Duration
}

func (a *app) initCommand() *cobra.Command {
	var f initFlags
	c := &cobra.Command{
		Use:   "init --image REF",
		Short: "Deploy the manager: in the cluster that it drives, in a hub, or what it needs on a cluster that a hub drives",
		Long: `Applies addon-manager with its definitions and rights (docs/manager.md): without a flag into the cluster that it drives, with --hub into one
that only holds the records. --target prepares a cluster that a manager elsewhere drives: its accounts, and kube-system/addon-manager, whose token belongs into
the kubeconfig that the hub has; nothing runs there, and no image is needed.

No image is published. "make image" of the sources builds it; push it to a registry of yours and give that with --image.

Running it again changes nothing. What a newer addonctl has written of the accounts stays.`,
		Example: `  addonctl init --image registry.example.com/addon-manager:v1 --wait --yes
  addonctl init --hub --image registry.example.com/addon-manager:v1 --dry-run
  addonctl init --target --kubeconfig east.yaml --yes
  addonctl init --image registry.example.com/addon-manager:v1 --print > manager.yaml`,
		Args: noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			objects, err := f.objects()
			if err != nil {
				return err
			}
			if f.print {
				return a.printObjects(objects)
			}
			return a.init(c.Context(), f, objects)
		},
	}
	s := c.Flags()
	s.StringVar(&f.image, "image", "", "where the image of the manager was pushed to")
	s.StringVar(&f.namespace, "namespace", managerNamespace, "namespace of the manager, its Lease, and the kubeconfigs that it may read")
	s.BoolVar(&f.hub, "hub", false, "into a hub that it does not drive itself: in the pod network, without rights on the CNI there")
	s.BoolVar(&f.target, "target", false, "nothing but what a manager elsewhere needs on this cluster")
	s.BoolVar(&f.print, "print", false, "print the manifests and ask no cluster")
	s.BoolVar(&f.dryRun, "dry-run", false, "only say what would be written")
	s.BoolVar(&f.yes, "yes", false, "act without asking")
	s.BoolVar(&f.wait, "wait", false, "wait until the manager is ready")
	s.BoolVar(&f.force, "force-conflicts", false, "take fields that somebody else owns with another value")
	s.DurationVar(&f.timeout, "timeout", 5*time.Minute, "with --wait, for how long")
	for _, flag := range []string{"image", "namespace"} {
		_ = c.RegisterFlagCompletionFunc(flag, cobra.NoFileCompletions)
	}
	return c
}

// overlay is the folder of manifests that is applied.
func (f initFlags) overlay() string {
	switch {
	case f.target:
		return "overlays/target"
	case f.hub:
		return "overlays/hub"
	default:
		return "overlays/in-cluster"
	}
}

func (f initFlags) check() error {
	if f.hub && f.target {
		return usage("give one of them", "--hub and --target say two things")
	}
	if f.target && (f.image != "" || f.wait) {
		return usage("leave --image and --wait out", "--target runs nothing on the cluster")
	}
	if f.print && (f.dryRun || f.wait) {
		return usage("leave --dry-run and --wait out", "--print asks no cluster")
	}
	if problems := validation.IsDNS1123Label(f.namespace); len(problems) > 0 || f.namespace == "kube-system" {
		return usage("give one for the manager alone, such as "+managerNamespace, "--namespace %q cannot be the manager's", f.namespace)
	}
	return f.checkImage()
}

func (f initFlags) checkImage() error {
	if f.target {
		return nil
	}
	if f.image == "" {
		return usage("make image builds one into bin/; push it to a registry of yours and give that with --image", "there is no published image of the manager")
	}
	if _, err := name.ParseReference(f.image); err != nil {
		return usage("give it as registry.example.com/addon-manager:v1, or with a digest", "--image %q: %w", f.image, err)
	}
	return nil
}

// objects are what is to be applied, in order.
func (f initFlags) objects() ([]*unstructured.Unstructured, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	objects, err := render.Tree(manifests.FS, f.overlay())
	if err != nil {
		return nil, err
	}
	render.Replace(objects, managerNamespace, f.namespace)
	render.Replace(objects, managerImage, f.image)
	return objects, nil
}

// printObjects writes the manifests as one stream.
func (a *app) printObjects(objects []*unstructured.Unstructured) error {
	var b bytes.Buffer
	for _, o := range objects {
		text, err := yaml.Marshal(o.Object)
		if err != nil {
			return fmt.Errorf("printing %s: %w", kube.Ref(o), err)
		}
		b.WriteString("---\n")
		b.Write(text)
	}
	_, err := a.Out.Write(b.Bytes())
	return err
}

// initReport is the result of `init`.
type initReport struct {
	Objects []initObject `json:"objects"`
	DryRun  bool         `json:"dryRun,omitempty"`
}

// initObject is one object, and what was made of it.
type initObject struct {
	Object  string       `json:"object"`
	Outcome kube.Outcome `json:"outcome"`
}

// kept is the outcome of what a newer addonctl has written.
const kept kube.Outcome = "kept"

func (r initReport) name() string {
	var out []string
	for _, o := range r.Objects {
		out = append(out, o.Object)
	}
	return strings.Join(out, "\n")
}

func (r initReport) table(w io.Writer, _ bool) {
	rows := [][]string{{"OBJECT", "OUTCOME"}}
	for _, o := range r.Objects {
		rows = append(rows, []string{o.Object, string(o.Outcome)})
	}
	columns(w, rows...)
}

// count is how many objects have an outcome.
func (r initReport) count(o kube.Outcome) int {
	n := 0
	for _, one := range r.Objects {
		if one.Outcome == o {
			n++
		}
	}
	return n
}

// init applies the objects: what would change is said first, and asked for.
func (a *app) init(ctx context.Context, f initFlags, objects []*unstructured.Unstructured) error {
	s, err := a.fleet(a.note)
	if err != nil {
		return err
	}
	if _, err := s.client.Version(ctx, 8*time.Second); err != nil {
		return err
	}
	if unserved, err := s.client.Learn(ctx, objects); err != nil || len(unserved) > 0 {
		return errors.Join(err, a.unserved(unserved))
	}
	would, err := s.deploy(ctx, objects, kube.How{DryRun: true, Force: f.force})
	if err != nil {
		return err
	}
	would.DryRun = true
	if f.dryRun {
		return a.print(would)
	}
	out := would
	if n, m := would.count(kube.Created), would.count(kube.Changed); n+m > 0 {
		s.note(fmt.Sprintf("%s: %s to create, %d to configure", s.client.Host, plural(n, "object", "objects"), m))
		if err := s.agree(ctx, "what runs at "+s.client.Host, f.yes); err != nil {
			return err
		}
		if out, err = s.deploy(ctx, objects, kube.How{Force: f.force}); err != nil {
			return err
		}
	}
	out.DryRun = false
	if f.wait {
		if err := s.deployed(ctx, f); err != nil {
			return err
		}
	}
	return a.print(out)
}

func (a *app) unserved(objects []*unstructured.Unstructured) error {
	if len(objects) == 0 {
		return nil
	}
	return fmt.Errorf("the API server knows no %s", objects[0].GroupVersionKind())
}

// deploy writes the objects, or says what writing them would do.
func (s *session) deploy(ctx context.Context, objects []*unstructured.Unstructured, how kube.How) (initReport, error) {
	var out initReport
	for i, o := range objects {
		if !how.DryRun && i > 0 && objects[i-1].GetKind() == "CustomResourceDefinition" && o.GetKind() != "CustomResourceDefinition" {
			if err := s.hub.Install(ctx); err != nil { // they are there: this waits until they are served
				return out, err
			}
		}
		outcome, err := s.deployOne(ctx, o, how)
		if err != nil {
			return out, fmt.Errorf("applying %s: %w", kube.Ref(o), err)
		}
		out.Objects = append(out.Objects, initObject{kube.Ref(o), outcome})
	}
	return out, nil
}

func (s *session) deployOne(ctx context.Context, o *unstructured.Unstructured, how kube.How) (kube.Outcome, error) {
	live, err := s.client.Get(ctx, o)
	switch {
	case err != nil:
		return "", err
	case live == nil && how.DryRun:
		return kube.Created, nil // its namespace may be missing too
	case live != nil && guardVersion(live) > guardVersion(o):
		return kept, nil
	}
	got, err := s.client.Write(ctx, o, live, how)
	if kube.OwnConflict(err) { // what commands of ours wrote, piece by piece
		how.Force = true
		got, err = s.client.Write(ctx, o, live, how)
	}
	if fields, ok := kube.Conflicts(err); ok {
		return "", &exit{
			code: exitConflict, err: fmt.Errorf("somebody else owns %s", fields),
			hint: "leave it to them in an overlay of your own (manifests/overlays), or add --force-conflicts",
		}
	}
	if err != nil {
		return "", err
	}
	return kube.Compare(live, got), nil
}

// guardVersion is the version that addonctl's accounts carry; 0 on everything else.
func guardVersion(o *unstructured.Unstructured) int {
	v, err := strconv.Atoi(o.GetAnnotations()["addonctl.io/guard-version"])
	if err != nil {
		return 0
	}
	return v
}

// deployed waits until every replica is of the newest template and one is ready: a cluster of one node has room for no more.
func (s *session) deployed(ctx context.Context, f initFlags) error {
	until, d := time.Now().Add(f.timeout), &unstructured.Unstructured{}
	d.SetAPIVersion("apps/v1")
	d.SetKind("Deployment")
	d.SetNamespace(f.namespace)
	d.SetName(managerName)
	for {
		live, err := s.client.Get(ctx, d)
		if err == nil && live != nil && isDeployed(live) {
			return nil
		}
		if err != nil && !kube.Unreachable(err) {
			return err
		}
		if time.Now().After(until) {
			return &exit{
				code: exitUnfinished, err: fmt.Errorf("the manager is not ready after %s", f.timeout),
				hint: "kubectl describe pods --namespace " + f.namespace + " says why",
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func isDeployed(d *unstructured.Unstructured) bool {
	number := func(path ...string) int64 {
		n, _, _ := unstructured.NestedInt64(d.Object, path...)
		return n
	}
	return number("status", "observedGeneration") == d.GetGeneration() && number("status", "updatedReplicas") >= number("spec", "replicas") &&
		number("status", "availableReplicas") >= 1
}
