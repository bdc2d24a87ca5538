package e2e

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

var (
	rollNodes  = flag.Int("roll-nodes", 12, "how many nodes our roll and the DaemonSet controller's are compared on")
	rollRounds = flag.Int("roll-rounds", 1, "how often each of them goes, in turn")
	rollRatio  = flag.Float64("roll-ratio", 0, "how many times as long as the controller's our roll may take; 0 only prints it")
	rollZones  = flag.Bool("roll-zones", true, "spread the nodes over three zones, which our roll takes one after the other; else they are in one")
	rollBeside = flag.String("roll-beside", "", "another build of the command, whose roll is measured beside ours")
)

// The same update by our roll with gates that ask the API server alone, and by the DaemonSet controller, as many nodes at a time: how
// long each takes, what it asks of the API server, and what our process costs. Small clusters only show that it can be measured.
func TestARollCostsLittleMoreThanTheControllers(t *testing.T) {
	pool := sandbox.Pool{Name: sandbox.DefaultPool, Count: *rollNodes}
	if !*rollZones {
		pool.Labels = map[string]string{corev1.LabelTopologyZone: "AD-1"}
	}
	c := start(t, testkube.Options{Pools: []sandbox.Pool{pool}, Audit: true})
	ours := filepath.Join(t.TempDir(), "addonctl")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", ours, "../cmd/addonctl").CombinedOutput(); err != nil {
		t.Fatalf("building the command: %v\n%s", err, out)
	}
	atOnce := max(1, *rollNodes/10)
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--nodes", "rolling-update", "--yes",
		"--set-config", fmt.Sprintf(`rollingUpdate={"maxUnavailable":%d}`, atOnce)) // what both keep to
	c.must(t, "unpin", "--yes")
	limit := []string{"--on-failure", "hold", "--timeout", "10m", "--yes"}
	update := []string{"update", "--version", "0.27.3"}
	roll := slices.Concat(update, []string{"--nodes", "roll", "--canaries", "1", "--soak", "0s", "--ready-for", "0s", "--fresh-pod", ""}, limit)
	variants := []variant{
		{"addonctl --nodes roll", ours, roll},
		{"DaemonSet controller", ours, slices.Concat(update, []string{"--nodes", "rolling-update", "--wait=false"}, limit)},
		{"... and a fresh pod", ours, slices.Concat(roll, []string{"--fresh-pod", "example.com/fresh:1"})},
	}
	if *rollBeside != "" {
		variants = append(variants, variant{"the other build", *rollBeside, roll})
	}
	var table strings.Builder
	fmt.Fprintf(&table, "%-22s %8s %9s %10s %10s %9s %7s %6s   %s\n", "BY", "SECONDS", "COMMAND", "ADDONCTL", "CONTROLLER", "RSS", "CPU", "LOAD", "MOST OF ADDONCTL")
	took := map[string][]float64{}
	for range *rollRounds {
		for _, v := range variants {
			m := c.measure(t, v)
			fmt.Fprintln(&table, m.row(v.name))
			took[v.name] = append(took[v.name], m.nodes.Seconds())
			c.must(t, "update", "--yes", "--timeout", "5m", "--nodes", "rolling-update") // ends what was not waited for
			c.must(t, "rollback", "--yes", "--timeout", "5m", "--nodes", "rolling-update")
		}
	}
	ratio := mean(took[variants[0].name]) / mean(took[variants[1].name])
	t.Logf("%d nodes, %d at a time, minReadySeconds 2, kube-controller-manager with 1000 queries/s (burst 2000):\n%s\n"+
		"SECONDS from the first sight of the new template to the last node with an available agent; ADDONCTL and CONTROLLER are calls for each node.\n"+
		"ours / the controller's: %.2f", *rollNodes, atOnce, table.String(), ratio)
	if *rollRatio > 0 && ratio > *rollRatio {
		t.Errorf("our roll took %.2f times as long as the controller's, want %.2f at most", ratio, *rollRatio)
	}
}

// variant is a way to bring the release to the nodes.
type variant struct {
	name, command string
	args          []string
}

// measured is what a variant took.
type measured struct {
	// nodes is the time from the first sight of the new template to the last node with an available agent of it, command that of
	// the command.
	nodes, command time.Duration
	// ours and theirs are the calls of addonctl and of the DaemonSet controller, for each node.
	ours, theirs float64
	// verbs are the calls of addonctl by verb and resource, the most first.
	verbs string
	// rss is our process' peak in MiB, cpu its time.
	rss  float64
	cpu  time.Duration
	load string
}

func (m measured) row(name string) string {
	return fmt.Sprintf("%-22s %8.1f %8.1fs %10.1f %10.1f %6.0fMiB %6.1fs %6s   %s", name, m.nodes.Seconds(), m.command.Seconds(), m.ours, m.theirs, m.rss, m.cpu.Seconds(), m.load, m.verbs)
}

// measure carries out an update as a process of its own, and watches the nodes.
func (c *cluster) measure(t *testing.T, v variant) measured {
	t.Helper()
	load, _ := os.ReadFile("/proc/loadavg")
	m := measured{load: strings.Fields(string(load) + "?")[0]}
	_, from := c.CallsFrom(t, 0, func(testkube.Call) bool { return false })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	nodes := make(chan time.Duration, 1)
	old := c.daemonSet(t).Generation
	go func() { nodes <- c.taken(ctx, old, ":v0.27.3") }()
	cmd := exec.CommandContext(ctx, v.command, append(slices.Clone(v.args), "--kubeconfig", c.kubeconfig, "--catalog", c.catalog)...)
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	err := m.follow(cmd.Process.Pid, ended)
	m.command = time.Since(began)
	if err != nil {
		t.Fatalf("%s: %v\n%s", v.name, err, text.String())
	}
	m.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if m.nodes = <-nodes; m.nodes == 0 {
		t.Fatalf("%s: not every node has taken it\n%s", v.name, text.String())
	}
	m.count(t, c, from)
	return m
}

// follow waits for the end of a process and takes the peak of its memory. What the kernel sums up of children counts the parent in.
func (m *measured) follow(pid int, ended <-chan error) error {
	for {
		select {
		case err := <-ended:
			return err
		case <-time.After(50 * time.Millisecond):
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue
		}
		_, after, _ := strings.Cut(string(status), "VmHWM:")
		if fields := strings.Fields(after); len(fields) > 0 {
			if kib, err := strconv.ParseFloat(fields[0], 64); err == nil {
				m.rss = kib / 1024
			}
		}
	}
}

// count reads who asked how much of the API server.
func (m *measured) count(t *testing.T, c *cluster, from int64) {
	t.Helper()
	kinds := map[string]int{}
	_, _ = c.CallsFrom(t, from, func(call testkube.Call) bool {
		switch {
		case strings.HasPrefix(call.UserAgent, "addonctl"):
			m.ours++
			kinds[call.Verb+" "+call.Object.Resource]++
		case strings.HasSuffix(call.User.Username, ":daemon-set-controller"):
			m.theirs++
		}
		return false
	})
	m.ours, m.theirs = m.ours/float64(*rollNodes), m.theirs/float64(*rollNodes)
	var names []string
	for name := range kinds {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(kinds[b]-kinds[a], strings.Compare(a, b)) })
	for _, name := range names[:min(len(names), 6)] {
		m.verbs += fmt.Sprintf("%d %s, ", kinds[name], name)
	}
}

// taken watches until every node has an available agent of an image, and tells how long that was after a DaemonSet of a later generation
// was seen; 0 when the context ended before.
func (c *cluster) taken(ctx context.Context, generation int64, image string) time.Duration {
	var began time.Time
	for began.IsZero() {
		d, err := c.Client().AppsV1().DaemonSets(system).Get(ctx, "kube-flannel-ds", metav1.GetOptions{})
		if err == nil && d.Generation > generation && strings.HasSuffix(d.Spec.Template.Spec.Containers[0].Image, image) {
			began = time.Now()
		}
		if pause(ctx, 20*time.Millisecond) != nil {
			return 0
		}
	}
	ready := map[string]time.Time{}
	for len(ready) < *rollNodes {
		if c.await(ctx, image, ready) != nil {
			return 0
		}
	}
	last := slices.MaxFunc(slices.Collect(maps.Values(ready)), time.Time.Compare)
	return last.Add(2 * time.Second).Sub(began) // minReadySeconds
}

// await follows the agents until each node has one of an image that is Ready, or the watch ends.
func (c *cluster) await(ctx context.Context, image string, ready map[string]time.Time) error {
	w, err := c.Client().CoreV1().Pods(system).Watch(ctx, metav1.ListOptions{LabelSelector: "app=flannel"})
	if err != nil {
		return err
	}
	defer w.Stop()
	for len(ready) < *rollNodes {
		e, open := <-w.ResultChan()
		if !open {
			return ctx.Err()
		}
		if p, ok := e.Object.(*corev1.Pod); ok && strings.HasSuffix(p.Spec.Containers[0].Image, image) && ready[p.Spec.NodeName].IsZero() && isReady(p) {
			ready[p.Spec.NodeName] = time.Now()
		}
	}
	return nil
}

func isReady(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

func mean(xs []float64) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	return sum / float64(len(xs))
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
