package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// rollout waits until a rollout says a phase, and returns it.
func (f *fleet) rollout(t *testing.T, name, phase string) *v1alpha1.AddonRollout {
	t.Helper()
	r := &v1alpha1.AddonRollout{}
	testkube.Eventually(t, long, func(ctx context.Context) error {
		if err := f.records.Get(ctx, client.ObjectKey{Name: name}, r); err != nil {
			return err
		}
		if r.Status.Phase != phase {
			return fmt.Errorf("%s is %s in wave %q: %s (%s)", name, r.Status.Phase, r.Status.Wave, r.Status.Why, r.Status.Who)
		}
		return nil
	})
	return r
}

// awaitsApproval waits until the canary of a rollout over so many clusters is done, and people have to approve. Before, a cluster that told of the release
// later than the others may not have joined yet.
func (f *fleet) awaitsApproval(t *testing.T, name string, clusters int32) (r *v1alpha1.AddonRollout) {
	t.Helper()
	testkube.Eventually(t, long, func(context.Context) error {
		if r = f.rollout(t, name, "Approval"); r.Status.Clusters != clusters || r.Status.Done != 1 {
			return fmt.Errorf("waiting for approval: %+v", r.Status)
		}
		return nil
	})
	return r
}

func (f *fleet) label(t *testing.T, name, key, value string) {
	t.Helper()
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		c, err := f.network(ctx, name)
		if err != nil {
			return err
		}
		c.Labels = map[string]string{key: value}
		return f.records.Update(ctx, c)
	})
}

// ctl runs addonctl against the hub.
func (f *fleet) ctl(t *testing.T, args ...string) result {
	t.Helper()
	c := &cluster{Cluster: f.hub, kubeconfig: f.hub.KubeconfigPath(), catalog: f.catalog}
	return c.must(t, args...)
}

// A release appears in the catalog of a hub and goes over its clusters by itself: the canary wave first, the next one when somebody approved it,
// pinned clusters never. Another one breaks the canary, which is put back, and no other cluster hears of it. It would catch a manager
// that tells everybody at once, moves a pin, or goes on over a failure. The manager has the rights that are shipped, and uses each of them.
func TestAReleaseGoesOverAFleet(t *testing.T) {
	f := &fleet{shipped: true}
	// An API server before 1.34 streams no lists: there the manager lists records before it watches them.
	f.start(t, testkube.Options{Audit: true, APIServerArgs: []string{"--feature-gates=WatchList=false"}}, map[string]testkube.Options{"dev": {Nodes: 2, Audit: true}, "prod": {Nodes: 2}, "kept": {Nodes: 2}})
	directory := f.without(t, "0.27.3")
	f.label(t, "dev", "env", "dev")
	f.label(t, "prod", "env", "prod")
	f.label(t, "kept", "env", "prod")
	f.wish(t, "kept", func(s *v1alpha1.AddonSpec) { s.Version, s.Pin = "0.26.2", &v1alpha1.Pin{Reason: "a test"} })
	one := intstr.FromInt32(1)
	f.create(t, &v1alpha1.UpdatePolicy{ObjectMeta: metav1.ObjectMeta{Name: "fleet"}, Spec: v1alpha1.UpdatePolicySpec{
		Waves:         []v1alpha1.PolicyWave{{Name: "canary", Selector: "env=dev"}, {Name: "rest", Approval: true}},
		MaxConcurrent: &one, Soak: &metav1.Duration{},
	}})
	f.create(t, &v1alpha1.AddonCatalog{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.CatalogName}, Spec: v1alpha1.AddonCatalogSpec{Directory: directory}})
	f.hub.ServeClusterAPI(t, "v1beta2")
	m := startManager(t, managerProgram(t, "a"), f.hub.Account(t, managers, "addon-manager"), f.catalog, "--gather", "10s") // every cluster has told by then
	for _, name := range []string{"dev", "prod", "kept"} {
		f.arrives(t, name, "0.26.2")
	}
	time.Sleep(5 * time.Second)
	if all := f.rollouts(t); len(all) > 0 {
		t.Fatalf("%v is open, and the hub's catalog has nothing newer: what the manager was built with is in force", all)
	}

	f.release(t, directory, "0.27.3")
	waits := f.awaitsApproval(t, "fleet-flannel-0.27.3", 2)
	if !strings.Contains(waits.Status.Who, "approve") {
		t.Errorf("waiting for approval: %+v", waits.Status)
	}
	f.arrives(t, "dev", "0.27.3")
	f.arrives(t, "prod", "0.26.2")
	f.ctl(t, "rollout", "approve", waits.Name, "--wave", "rest", "--reason", "a test", "--yes")
	done := f.rollout(t, waits.Name, "Finished")
	if s := done.Status; s.Clusters != 2 || s.Done != 2 || s.Failed != 0 {
		t.Errorf("finished: %+v", s)
	}
	f.arrives(t, "prod", "0.27.3")
	f.arrives(t, "kept", "0.26.2")
	r := f.ctl(t, "rollout", "status", waits.Name)
	for _, text := range []string{"Finished", "canary", "rest"} {
		if !strings.Contains(r.out, text) {
			t.Errorf("want %q in:\n%s", text, r.out)
		}
	}

	if err := f.members["dev"].Play(t.Context(), sandbox.Fault{Name: "bad", Image: ":v0.27.4", Mode: sandbox.Crash}); err != nil {
		t.Fatal(err)
	}
	f.publish(t, directory, "0.27.4")
	halted := f.rollout(t, "fleet-flannel-0.27.4", "Halted")
	if s := halted.Status; s.Failed != 1 || s.Done != 0 || s.Running != 0 {
		t.Errorf("halted: %+v", s)
	}
	f.arrives(t, "dev", "0.27.3")
	f.arrives(t, "prod", "0.27.3")
	f.arrives(t, "kept", "0.26.2")
	a, err := f.addOn(t.Context(), "dev")
	if err != nil || len(a.Status.Held) != 1 || a.Status.Held[0].Version != "0.27.4" {
		t.Errorf("%v, held: %+v", err, a.Status.Held)
	}
	l := f.ctl(t, "rollout", "list")
	if !strings.Contains(l.out, "Halted") || !strings.Contains(l.out, "Finished") {
		t.Errorf("rollouts:\n%s", l.out)
	}
	t.Logf("%s\n%s", l.out, f.ctl(t, "rollout", "status", halted.Name).out)
	f.seenByKubectl(t, waits.Name, halted.Name)
	f.told(t, waits.Name, "RolloutOpened", "RolloutApproval", "RolloutFinished")
	f.told(t, halted.Name, "RolloutOpened", "ClusterFailed", "RolloutHalted")
	f.told(t, "prod.flannel", "MoveStarted", "MoveDone")
	f.told(t, "dev.flannel", "RollHalted", "ReleaseHeld", "WayBackStarted", "WentBack")
	f.measured(t, m)

	// Both are recalled, and nothing newer is left: clusters go back to what they came from, in the same waves.
	f.ctl(t, "recall", "Flannel", "0.27.4", "--reason", "it crashes", "--yes")
	f.ctl(t, "recall", "Flannel", "0.27.3", "--reason", "it loses packets", "--yes")
	const away = "fleet-flannel-0.26.2-from-0.27.3"
	if waits = f.awaitsApproval(t, away, 2); waits.Spec.Leaves != "0.27.3" {
		t.Errorf("waiting for approval: %+v", waits)
	}
	f.arrives(t, "dev", "0.26.2")
	f.ctl(t, "rollout", "approve", away, "--wave", "rest", "--reason", "a test", "--yes")
	if s := f.rollout(t, away, "Finished").Status; s.Clusters != 2 || s.Done != 2 {
		t.Errorf("finished: %+v", s)
	}
	f.arrives(t, "prod", "0.26.2")
	f.arrives(t, "kept", "0.26.2")
	f.isTheWayToIts(t, "prod")
	f.missesItsManager(t, halted.Name, false)
	f.usesItsRights(t, m) // it has ended
	f.missesItsManager(t, halted.Name, true)
	f.tellsWhatIsPinnedThere(t, "prod")
}

// isTheWayToIts uses the hub's context for one of its clusters. It would catch a command that takes the hub for the cluster: the hub has no node and
// no CNI, so it would find nothing installed, record a pin in the hub's user's name of something else, or stamp the hub.
func (f *fleet) isTheWayToIts(t *testing.T, name string) {
	t.Helper()
	there := []string{"--cluster", name}
	seen := f.ctl(t, append(there, "status")...).out + f.ctl(t, append(there, "nodes")...).out
	for _, text := range []string{"Flannel 0.26.2", "Driven by:      the manager addonctl-system/addon-manager", "2 of the newest revision, 2 ready", "node-02"} {
		if !strings.Contains(seen, text) {
			t.Errorf("want %q in:\n%s", text, seen)
		}
	}
	f.ctl(t, append(there, "pin", "--version", "0.26.4", "--reason", "by the hub", "--yes")...).says(t, "the manager addonctl-system/addon-manager carries it out")
	f.arrives(t, name, "0.26.4")
	if a, err := f.addOn(t.Context(), name); err != nil || a.Spec.Pin == nil || a.Spec.Pin.By != "addonctl-sandbox-admin" {
		t.Errorf("%v, the pin is %+v, and not of the hub's user", err, a.Spec.Pin)
	}
	f.ctl(t, append(there, "cluster", "register", "--restamp", "--yes")...)
	f.heedsWhatIsPinnedThere(t, name)
	itself, err := kube.New(f.hub.Config())
	if err != nil {
		t.Fatal(err)
	}
	if stamp, err := hub.ReadStamp(t.Context(), itself); err != nil || stamp != nil {
		t.Errorf("the hub is stamped: %+v, %v", stamp, err)
	}

	_, reader := f.hub.User(t, "reader", rbacv1.PolicyRule{
		APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{"clusternetworks", "addons", "addoncatalogs", "addonrollouts", "updatepolicies"}, Verbs: []string{"get", "list"},
	})
	as := &cluster{Cluster: f.hub, kubeconfig: reader, catalog: f.catalog}
	as.want(t, 1, append(there, "status")...).says(t, `cannot get resource "secrets"`, "get of Secret "+name+"-kubeconfig in namespace "+managers)
	as.must(t, append(there, "explain")...)

	key := client.ObjectKey{Namespace: managers, Name: name + "-kubeconfig"}
	var secret corev1.Secret
	if err := f.records.Get(t.Context(), key, &secret); err != nil {
		t.Fatal(err)
	}
	whole := secret.DeepCopy()
	secret.Data = map[string][]byte{"kubeconfig": secret.Data[v1alpha1.KubeconfigKey]}
	if err := f.records.Update(t.Context(), &secret); err != nil {
		t.Fatal(err)
	}
	admin := &cluster{Cluster: f.hub, kubeconfig: f.hub.KubeconfigPath(), catalog: f.catalog}
	admin.want(t, 1, append(there, "status")...).says(t, `no key "value"`, "cluster register "+name+" --kubeconfig-file")
	whole.ResourceVersion = secret.ResourceVersion
	if err := f.records.Update(t.Context(), whole); err != nil {
		t.Fatal(err)
	}
}

// heedsWhatIsPinnedThere lets somebody pin at the cluster itself, where nobody knows of the hub. It would catch a hub that moves such a cluster
// with the others, and one that does not let go of a pin which somebody took off again.
func (f *fleet) heedsWhatIsPinnedThere(t *testing.T, name string) {
	t.Helper()
	f.ctl(t, "--cluster", name, "unpin", "--yes")
	f.members[name].must(t, "--cluster", name, "pin", "--version", "0.26.4", "--reason", "at the cluster", "--yes")
	second := &metav1.Duration{Duration: time.Second}
	f.wish(t, name, func(s *v1alpha1.AddonSpec) { s.Roll.NodeTimeout = &metav1.Duration{Duration: 6 * time.Minute} }) // it is looked at
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		a, err := f.addOn(ctx, name)
		if err == nil && (a.Spec.Version != "0.26.4" || a.Spec.Pin == nil || a.Spec.Pin.Reason != "at the cluster") {
			err = fmt.Errorf("it wants %q, pin %+v", a.Spec.Version, a.Spec.Pin)
		}
		return err
	})
	f.ctl(t, "--cluster", name, "unpin", "--yes")
	f.wish(t, name, func(s *v1alpha1.AddonSpec) { s.Roll.Soak = second })
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		a, err := f.addOn(ctx, name)
		if err == nil && a.Status.ObservedGeneration != a.Generation {
			err = errors.New("it was not looked at")
		}
		return err
	})
	if a, err := f.addOn(t.Context(), name); err != nil || a.Spec.Version != "" {
		t.Errorf("the hub's pin was taken off, and is %q again, %v", a.Spec.Version, err)
	}
}

// tellsWhatIsPinnedThere has somebody pin at the cluster itself while no manager takes that over. It would catch a hub's command that keeps to itself what
// the manager is going to do.
func (f *fleet) tellsWhatIsPinnedThere(t *testing.T, name string) {
	t.Helper()
	f.members[name].must(t, "--cluster", name, "pin", "--version", "0.26.4", "--reason", "later", "--yes")
	f.ctl(t, "--cluster", name, "status").says(t, "Flannel is pinned to 0.26.4 at cluster "+name+" itself")
}

// missesItsManager looks at what commands say of a manager that does its work, or that has ended. It would catch a rollout that is said to go on
// when nobody is there who would decide on it.
func (f *fleet) missesItsManager(t *testing.T, recalled string, ended bool) {
	t.Helper()
	for command, want := range map[string]string{
		"rollout status " + recalled: "Next: nothing, for nobody decides: the manager addonctl-system/addon-manager gave its Lease back at",
		"rollout list":               "the manager addonctl-system/addon-manager gave its Lease back at",
		"cluster list":               "addonctl-system/addon-manager (silent for ",
	} {
		r := f.ctl(t, strings.Fields(command)...)
		if strings.Contains(r.out+r.err, want) != ended {
			t.Errorf("the manager has ended: %t; %s: want %q then, and else not, got %v", ended, command, want, r)
		}
	}
}

// measured looks at what the manager tells of all this to Prometheus.
func (f *fleet) measured(t *testing.T, m *manager) {
	t.Helper()
	body := m.get(t, "/metrics")
	for _, line := range []string{
		"\naddonctl_leader 1\n", `addonctl_rollout_phase{phase="Halted",rollout="fleet-flannel-0.27.4"} 1`,
		`addonctl_rollouts{addon="Flannel",phase="Finished",policy="fleet"} 1`,
		`addonctl_rollout_clusters{rollout="fleet-flannel-0.27.4",state="Failed",wave="canary"} 1`,
		`addonctl_addons{addon="Flannel",mode="pinned",state="ACTIVE",version="0.26.2"} 1`, `addonctl_addons_held{addon="Flannel",version="0.27.4"} 1`,
		`addonctl_addon_nodes{addon="Flannel",version="0.27.3"} 4`, `addonctl_gate_seconds_count{addon="Flannel"}`,
		`addonctl_rollout_halt_seconds_count{cause="failure"} 1`, "addonctl_catalog_ready 1",
	} {
		if !strings.Contains(body, line) {
			t.Errorf("want %s in", line)
		}
	}
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "addonctl_") && (t.Failed() || strings.Contains(line, "_sum") || strings.Contains(line, "_count")) {
			t.Log(strings.TrimSpace(line))
		}
	}
}

// seenByKubectl looks at the fleet with nothing but kubectl, and waits with it.
func (f *fleet) seenByKubectl(t *testing.T, finished, halted string) {
	t.Helper()
	kubectl := func(args ...string) (string, error) {
		out, err := f.hub.Kubectl(t.Context(), args...).CombinedOutput()
		return string(out), err
	}
	for _, args := range [][]string{
		{"--for=condition=Ready", "addon/dev.flannel", "addon/prod.flannel", "addon/kept.flannel", "rollout/" + finished, "cnet/dev", "cnet/prod", "upol/fleet", "addoncatalog/default"},
		{"--for=condition=Stalled", "rollout/" + halted},
		{"--for=condition=Pinned", "addon/kept.flannel"},
		{"--for=jsonpath={.status.phase}=Halted", "rollout/" + halted},
	} {
		if out, err := kubectl(append([]string{"wait", "--timeout=2m"}, args...)...); err != nil {
			t.Errorf("kubectl wait %v: %v\n%s", args, err, out)
		}
	}
	if out, err := kubectl("wait", "--timeout=1s", "--for=condition=Ready", "rollout/"+halted); err == nil {
		t.Errorf("a rollout that is halted is Ready:\n%s", out)
	}
	for what, rows := range map[string][]string{
		"cnet":                      {"NAME TYPE KUBERNETES REACHABLE PAUSED AGE", "dev FLANNEL_OVERLAY v1."},
		"addons":                    {"NAME CLUSTER ADDON INSTALLED PIN STATE READY REASON NODESREADY NODES AGE", "kept.flannel kept Flannel 0.26.2 0.26.2 ACTIVE True AllNodesReady 2 2", "dev.flannel dev Flannel 0.27.3 ACTIVE True AllNodesReady 2 2"},
		"rollouts":                  {"NAME ADDON VERSION PHASE WAVE RUNNING DONE FAILED CLUSTERS AGE", finished + " Flannel 0.27.3 Finished", halted + " Flannel 0.27.4 Halted 0 0 1 2"},
		"upol":                      {"NAME SELECTOR CLUSTERS READY REASON PAUSED AGE", "fleet 3 True Accepted"},
		"addoncatalogs":             {"NAME RELEASES VERSION READY REASON READ"},
		"cnet,addons,rollouts,upol": {"clusternetwork.addonctl.io/dev", "addon.addonctl.io/kept.flannel", "addonrollout.addonctl.io/" + halted, "updatepolicy.addonctl.io/fleet"},
	} {
		out, err := kubectl("get", what)
		words := strings.Join(strings.Fields(out), " ")
		for _, row := range rows {
			if err != nil || !strings.Contains(words, strings.TrimSuffix(row, " ")) {
				t.Errorf("kubectl get %s: %v, want %q in\n%s", what, err, row, out)
			}
		}
	}
	wide, err := kubectl("get", "cnet,addons,rollouts", "-o", "wide")
	t.Logf("%v\n%s", err, wide)
}

func (f *fleet) rollouts(t *testing.T) []string {
	t.Helper()
	var list v1alpha1.AddonRolloutList
	if err := f.records.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range list.Items {
		out = append(out, r.Name)
	}
	return out
}

// without is a copy of the test's catalog without some releases of flannel.
func (f *fleet) without(t *testing.T, releases ...string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(f.catalog)); err != nil {
		t.Fatal(err)
	}
	for _, v := range releases {
		if err := os.Remove(filepath.Join(dir, "flannel", "releases", v+".yaml")); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// release brings a release to a catalog that is read by others, for automatic updates to take.
func (f *fleet) release(t *testing.T, directory, v string) {
	t.Helper()
	name := filepath.Join("flannel", "releases", v+".yaml")
	data, err := os.ReadFile(filepath.Join(f.catalog, name))
	if err == nil {
		data = bytes.ReplaceAll(data, []byte("status: PREVIEW"), []byte("status: ACTIVE"))
		err = os.WriteFile(filepath.Join(directory, name+".new"), data, 0o600)
	}
	if err == nil {
		err = os.Rename(filepath.Join(directory, name+".new"), filepath.Join(directory, name))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// publish is release where nobody has to wait until the folder is read again: the hub's catalog is another folder then, with all that is in the first.
func (f *fleet) publish(t *testing.T, directory, v string) {
	t.Helper()
	f.release(t, directory, v)
	next := t.TempDir()
	if err := os.CopyFS(next, os.DirFS(directory)); err != nil {
		t.Fatal(err)
	}
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		c := &v1alpha1.AddonCatalog{}
		if err := f.records.Get(ctx, client.ObjectKey{Name: v1alpha1.CatalogName}, c); err != nil {
			return err
		}
		c.Spec.Directory = next
		return f.records.Update(ctx, c)
	})
}
