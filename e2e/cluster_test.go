// Package e2e runs the command line as its users do, against real control planes, and looks at the clusters with a client
// of its own.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/cli"
	"github.com/addonctl/addonctl/pkg/testkube"
)

const system = "kube-system"

// cluster is a control plane and a command line for it.
type cluster struct {
	*testkube.Cluster
	kubeconfig string
	catalog    string
}

// start makes a cluster for a test. Its catalog is the shipped one with two seconds of readiness instead of ten, which
// is the least that whole-second timestamps can show, so that tests do not spend their time waiting.
func start(t *testing.T, o testkube.Options) *cluster {
	t.Helper()
	t.Parallel()
	c := &cluster{Cluster: testkube.Start(t, o), catalog: quick(t)}
	c.kubeconfig = c.KubeconfigPath()
	return c
}

// quick writes the shipped catalog with shorter waits to a folder.
func quick(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := fs.WalkDir(addons.FS, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(addons.FS, p)
		if err != nil {
			return err
		}
		if strings.Contains(p, "/releases/") && !bytes.Contains(data, []byte("\nvalues:")) {
			data = append(data, []byte("values:\n  minReadySeconds: 2\n")...)
		}
		to := filepath.Join(dir, p)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// result of a command line.
type result struct {
	code     int
	out, err string
}

func (r result) String() string {
	return fmt.Sprintf("exit %d\nstdout:\n%s\nstderr:\n%s", r.code, r.out, r.err)
}

// run carries out a command line on the cluster.
func (c *cluster) run(t *testing.T, args ...string) result {
	t.Helper()
	return c.runUntil(t.Context(), args...)
}

// brisk is a roll that waits for nothing that a test does not look at.
var brisk = []string{"--soak", "0s", "--ready-for", "1s"}

// runUntil is run for a caller who may press Ctrl-C. Installations record a brisk roll, unless they say something of their own.
func (c *cluster) runUntil(ctx context.Context, args ...string) result {
	if args[0] == "install" && !slices.Contains(args, "--soak") {
		args = append(slices.Clone(args), brisk...)
	}
	if args[0] != "version" {
		args = append(args, "--kubeconfig", c.kubeconfig, "--catalog", c.catalog)
	}
	var out, errs bytes.Buffer
	code := cli.Run(ctx, args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
	return result{code, out.String(), errs.String()}
}

// must is run for a command that has to succeed.
func (c *cluster) must(t *testing.T, args ...string) result {
	t.Helper()
	return c.want(t, 0, args...)
}

// want is run for a command that has to end with an exit code. One that found the API server of a busy machine too slow for its first question is run
// again, as it says itself.
func (c *cluster) want(t *testing.T, code int, args ...string) result {
	t.Helper()
	const unreachable = 9
	r := c.run(t, args...)
	if r.code == unreachable && code != unreachable && r.out == "" {
		t.Logf("again: addonctl %s: %s", strings.Join(args, " "), r)
		r = c.run(t, args...)
	}
	if r.code != code {
		t.Fatalf("addonctl %s: want exit %d, got %s", strings.Join(args, " "), code, r)
	}
	return r
}

// says fails unless the result's error stream holds every text.
func (r result) says(t *testing.T, texts ...string) result {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(r.err, text) {
			t.Errorf("want %q on the error stream, got %s", text, r)
		}
	}
	return r
}

// read decodes a result's one JSON document.
func read[T any](t *testing.T, r result) T {
	t.Helper()
	var v T
	d := json.NewDecoder(strings.NewReader(r.out))
	if err := d.Decode(&v); err != nil {
		t.Fatalf("reading the result: %v\n%s", err, r)
	}
	if d.More() {
		t.Fatalf("more than one document: %s", r)
	}
	return v
}

// act is what the tests read of a verb's result.
type act struct {
	Cluster, AddOn, Version, Outcome, State string
	Previous                                string `json:"previousVersion"`
	Pinned                                  bool
	Revision                                int
	Nodes                                   struct{ Total, Updated, Ready int }
	Waiting                                 []struct{ Node, State, Why string }
	Findings                                []struct{ Reason, Message string }
}

func (c *cluster) dynamic(t *testing.T) dynamic.Interface {
	t.Helper()
	d, err := dynamic.NewForConfig(c.Config())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (c *cluster) daemonSet(t *testing.T) *appsv1.DaemonSet {
	t.Helper()
	d, err := c.Client().AppsV1().DaemonSets(system).Get(t.Context(), "kube-flannel-ds", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (c *cluster) pods(t *testing.T) []corev1.Pod {
	t.Helper()
	l, err := c.Client().CoreV1().Pods(system).List(t.Context(), metav1.ListOptions{LabelSelector: "app=flannel"})
	if err != nil {
		t.Fatal(err)
	}
	return l.Items
}

// configuration is what a pod's volume of flannel's configuration holds now; an error when it is gone.
func (c *cluster) configuration(ctx context.Context, p *corev1.Pod) (string, error) {
	for _, v := range p.Spec.Volumes {
		if v.ConfigMap == nil {
			continue
		}
		m, err := c.Client().CoreV1().ConfigMaps(system).Get(ctx, v.ConfigMap.Name, metav1.GetOptions{})
		if err != nil {
			return "", err
		}
		return m.Data["net-conf.json"], nil
	}
	return "", fmt.Errorf("pod %s has no volume of a ConfigMap", p.Name)
}

const soon = 60 * time.Second
