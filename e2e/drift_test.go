package e2e

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// flannelChart writes the shipped chart of flannel to a folder, with one text in one of its files put in place of another; with no
// text to look for it is a further file.
func flannelChart(t *testing.T, file, from, to string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "flannel")
	found := from == ""
	err := fs.WalkDir(charts.FS, "flannel", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(charts.FS, p)
		if err != nil {
			return err
		}
		rel := strings.TrimPrefix(p, "flannel/")
		if rel == file && from != "" {
			found = strings.Contains(string(data), from)
			data = []byte(strings.ReplaceAll(string(data), from, to))
		}
		return writeTo(filepath.Join(dir, rel), data)
	})
	if err == nil && from == "" {
		err = writeTo(filepath.Join(dir, file), []byte(to))
	}
	if err != nil || !found {
		t.Fatalf("%q is not in %s: %v", from, file, err)
	}
	return dir
}

func writeTo(file string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o600)
}

// changing tells the calls of people and of addonctl's account that change something from those that ask, from asking for a token, and from what
// kwok reports of the nodes once in a while.
func changing(c testkube.Call) bool {
	person := c.User.Username != "kwok" && !strings.HasPrefix(c.User.Username, "system:") || strings.HasPrefix(c.User.Username, "system:serviceaccount:kube-system:addonctl")
	return person && c.Write() && !strings.Contains(c.URI, "dryRun=All") && !strings.HasPrefix(c.Object.Resource, "selfsubject") &&
		c.Object.Subresource != "token"
}

// What an API server would refuse, and what our user may not do, is found while nothing is written yet: not one object, no revision,
// no record. It would catch an update that stops half way, with new rules and an old agent.
func TestWhatCannotBeWrittenStopsBeforeTheFirstWrite(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 1, Audit: true})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	rules := documented(t)[0]
	var less []rbacv1.PolicyRule
	for _, r := range rules {
		if r.Resources[0] != "serviceaccounts/token" { // with which they could act as addonctl's account
			less = append(less, r)
		}
	}
	limited := *c
	_, limited.kubeconfig = c.User(t, "limited", less...)
	before := len(c.Calls(t, changing))
	refused := func(by *cluster, code int, chart string, says ...string) {
		t.Helper()
		args := []string{"pin", "--version", "0.27.3", "--reason", "a test", "--yes"}
		if chart != "" {
			args = append(args, "--charts", chart)
		}
		by.want(t, code, args...).says(t, says...)
		for _, call := range c.Calls(t, changing)[before:] {
			t.Errorf("%v: a write: %s %s by %s", says, call.Verb, call.URI, call.User.Username)
		}
		before = len(c.Calls(t, changing))
	}
	refused(c, 1, flannelChart(t, "templates/daemonset.yaml", "app: flannel", "app: another"), "ObjectRefused", "DaemonSet kube-flannel-ds", "spec.selector", "immutable")
	refused(c, 1, flannelChart(t, "templates/clusterrolebinding.yaml", "  kind: ClusterRole\n  name: flannel", "  kind: ClusterRole\n  name: view"),
		"ObjectRefused", "ClusterRoleBinding flannel", "RoleReferenceChanged")
	refused(c, 3, flannelChart(t, "templates/gadget.yaml", "", "apiVersion: example.org/v1\nkind: Gadget\nmetadata: {name: one}\n"),
		"APINotServed", "Gadget one", "example.org/v1")
	refused(&limited, 1, "", "MissingRight", "patch daemonsets.apps in kube-system")

	// The negative control: what nothing stands against is written, and the log shows it.
	c.must(t, "pin", "--version", "0.27.3", "--reason", "a test", "--yes", "--charts", flannelChart(t, "values.yaml", "minReadySeconds: 10", "minReadySeconds: 3"))
	if len(c.Calls(t, changing)) == before {
		t.Error("the log shows no write of a move")
	}
}

// driftResult is what the tests read of a result of drift.
type driftResult struct {
	Revision int
	Objects  []struct {
		Object  string
		Missing bool
		Fields  []struct{ Path, Owner, Live, After string }
	}
	Guard []string
	Fixed []struct{ Object string }
}

// Drift is found with exit code 1, left alone where it is excluded, and set back with --fix, after which there is none: fields, a
// deleted object, and the guard, which comes first.
func TestDriftIsFoundExcludedAndSetBack(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 1})
	c.want(t, 2, "drift").says(t, "NotRegistered")
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	if r := c.must(t, "drift"); !strings.Contains(r.out, "as recorded in revision 1") {
		t.Errorf("drift: %s", r)
	}
	c.want(t, 2, "drift", "--exclude", "nothing").says(t, "Kind name:path")
	c.want(t, 2, "drift", "--yes").says(t, "--fix")

	c.drifts(t)
	const cpu = "spec.template.spec.containers[kube-flannel].resources.requests.cpu"
	got := read[driftResult](t, c.want(t, 1, "drift", "-o", "json").says(t, "is not as recorded", "--fix"))
	if len(got.Objects) != 2 || !got.Objects[0].Missing || got.Objects[1].Fields[0].Path != cpu || got.Objects[1].Fields[0].Owner != "kubectl-patch" || len(got.Guard) != 1 {
		t.Errorf("drift: %+v", got)
	}
	if r := c.want(t, 1, "drift"); !strings.Contains(r.out, cpu) || !strings.Contains(r.out, "777m") || !strings.Contains(r.out, "kubectl-patch") {
		t.Errorf("drift: %s", r)
	}
	generation := c.daemonSet(t).Generation
	c.want(t, 2, "drift", "--fix").says(t, "--yes")
	if c.daemonSet(t).Generation != generation {
		t.Error("without a yes something was written")
	}

	exclusion := "DaemonSet kube-flannel-ds:" + cpu
	c.want(t, 1, "drift", "--exclude", exclusion)
	fixed := read[driftResult](t, c.must(t, "drift", "--exclude", exclusion, "--fix", "--yes", "-o", "json"))
	if len(fixed.Fixed) != 2 || !strings.Contains(fixed.Fixed[0].Object, "addonctl-guard-objects") || fixed.Fixed[1].Object != "ServiceAccount flannel" || c.daemonSet(t).Generation != generation {
		t.Errorf("with an exclusion: %+v", fixed)
	}
	if r := c.must(t, "drift", "--exclude", exclusion); !strings.Contains(r.out, "1 field that is left alone") {
		t.Errorf("drift: %s", r)
	}
	c.pausedFor(t, func() {
		generation := c.daemonSet(t).Generation
		c.want(t, 3, "drift", "--fix", "--yes").says(t, "Paused")
		if c.daemonSet(t).Generation != generation {
			t.Error("a paused cluster was written to")
		}
	})
	c.must(t, "drift", "--fix", "--yes").says(t, "every node takes it again")
	if last := c.history(t)[0]; last.Revision != 2 || last.Status != "deployed" {
		t.Errorf("the newest revision is %+v", last)
	}
	c.must(t, "drift")
	if s := c.must(t, "status").out; !strings.Contains(s, "UpToDate") {
		t.Errorf("status:\n%s", s)
	}
	if got := c.daemonSet(t).Spec.Template.Spec.Containers[0].Resources.Requests.Cpu().String(); got != "100m" {
		t.Errorf("the agent's CPU is %s", got)
	}
}

// drifts gives the agent more CPU, takes a part of the guard away, and deletes the agent's account by the way that the guard leaves
// while it is incomplete.
func (c *cluster) drifts(t *testing.T) {
	t.Helper()
	_, err := c.Client().AppsV1().DaemonSets(system).Patch(t.Context(), "kube-flannel-ds", types.StrategicMergePatchType,
		[]byte(`{"spec":{"template":{"spec":{"containers":[{"name":"kube-flannel","resources":{"requests":{"cpu":"777m"}}}]}}}}`),
		metav1.PatchOptions{FieldManager: "kubectl-patch"})
	if err != nil {
		t.Fatal(err)
	}
	bindings := c.Client().AdmissionregistrationV1().ValidatingAdmissionPolicyBindings()
	if err := bindings.Delete(t.Context(), "addonctl-guard-objects", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		err := c.Client().CoreV1().ServiceAccounts(system).Delete(ctx, "flannel", metav1.DeleteOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})
}

// The conflict policy is the operator's: by default nothing is written over somebody else's field, and it is recorded with the wish.
func TestTheConflictPolicyIsTheOperators(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 1})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	_, err := c.Client().AppsV1().DaemonSets(system).Patch(t.Context(), "kube-flannel-ds", types.StrategicMergePatchType,
		[]byte(`{"spec":{"template":{"spec":{"containers":[{"name":"kube-flannel","resources":{"requests":{"cpu":"777m"}}}]}}}}`),
		metav1.PatchOptions{FieldManager: "kubectl-patch"})
	if err != nil {
		t.Fatal(err)
	}
	move := []string{"pin", "--version", "0.27.3", "--reason", "a test", "--yes"}
	c.want(t, 8, move...).says(t, "FieldConflict", "requests.cpu", "777m", "kubectl-patch", "--conflicts overwrite")
	c.want(t, 2, append(move, "--conflicts", "maybe")...).says(t, "overwrite or preserve")
	c.must(t, append(move, "--conflicts", "preserve")...).says(t, "FieldsKept", "requests.cpu")
	cpu := func() string {
		return c.daemonSet(t).Spec.Template.Spec.Containers[0].Resources.Requests.Cpu().String()
	}
	if cpu() != "777m" {
		t.Errorf("preserve left %s", cpu())
	}
	if r := c.must(t, "drift"); !strings.Contains(r.out, "1 field that is left alone") {
		t.Errorf("drift under preserve: %s", r)
	}
	// The policy is recorded: the next move keeps to it, until another is given.
	c.must(t, "pin", "--version", "0.26.2", "--reason", "a test", "--yes").says(t, "FieldsKept")
	c.must(t, "pin", "--version", "0.27.3", "--reason", "a test", "--yes", "--conflicts", "overwrite").says(t, "FieldsTaken")
	if cpu() != "100m" {
		t.Errorf("overwrite left %s", cpu())
	}
}

// pausedFor does something while the cluster's record says that nothing may be written.
func (c *cluster) pausedFor(t *testing.T, do func()) {
	t.Helper()
	networks := c.dynamic(t).Resource(v1alpha1.ClusterNetworks)
	list, err := networks.List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("%d records: %v", len(list.Items), err)
	}
	for _, paused := range []string{"true", "false"} {
		patch := []byte(`{"spec":{"paused":` + paused + `}}`)
		if _, err := networks.Patch(t.Context(), list.Items[0].GetName(), types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
		if paused == "true" {
			do()
		}
	}
}

// A release that is set back and whose agents cannot start is not recorded as deployed, and the one that still runs keeps its rules; once the
// agents run, the same command finishes it.
func TestSettingBackWaitsForTheNodes(t *testing.T) {
	helmBinary(t)
	c := start(t, testkube.Options{Nodes: 2})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.24.4", "--yes")
	c.must(t, "pin", "--version", "0.26.2", "--reason", "a test", "--yes")
	c.helmDoes(t, "rollback", "flannel", "1")
	c.running(t, system, 2)
	rule := func() bool {
		role, err := c.Client().RbacV1().ClusterRoles().Get(t.Context(), "flannel", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(role.Rules, func(r rbacv1.PolicyRule) bool { return slices.Contains(r.Resources, "clustercidrs") })
	}
	c.stalls(t, "bad", "0.26.2")
	c.want(t, 4, "drift", "--fix", "--yes").says(t, "halted at node-01")
	if last := c.history(t)[0]; last.Revision != 4 || last.Status != "pending-upgrade" || !rule() {
		t.Errorf("while the first agent hangs: %+v, rule %v", last, rule())
	}
	c.heals(t, "bad")
	c.running(t, system, 2) // a node that still says ImagePullBackOff would halt it again
	c.must(t, "drift", "--fix", "--yes")
	if last := c.history(t)[0]; last.Revision != 4 || last.Status != "deployed" || rule() {
		t.Errorf("once they run: %+v, rule %v", last, rule())
	}
	c.must(t, "drift")
}
