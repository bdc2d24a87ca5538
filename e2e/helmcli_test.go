package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// The real Helm beside addonctl, on the same release: it reads what we wrote; what it writes is noticed, and outlived.
func TestHelmsCommandLineWorksBesideAddonctl(t *testing.T) {
	helmBinary(t)
	c := start(t, testkube.Options{Nodes: 2})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	c.must(t, "unpin", "--yes")
	c.must(t, "update", "--version", "0.27.3", "--yes")
	for _, step := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"Helm reads our releases", c.helmReads},
		{"a rollback by Helm is noticed and taken back", c.helmRollsBack},
		{"a release that Helm left pending is recovered", c.helmIsKilled},
		{"the CNI outlives an uninstall by Helm", c.helmUninstalls},
		{"without the mark an uninstall deletes", c.helmUninstallsACopy},
		{"an upgrade by Helm is noticed", c.helmUpgrades},
	} {
		if !t.Run(step.name, step.run) {
			return // the next one begins where this one ends
		}
	}
}

// helm runs the real Helm on the cluster and returns what it printed; the error is what it said.
func (c *cluster) helm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	home := t.TempDir()
	cmd := exec.CommandContext(t.Context(), helmBinary(t), append(args, "--kubeconfig", c.kubeconfig)...)
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("helm %s: %w: %s", strings.Join(args, " "), err, errs.String())
	}
	return string(out), err
}

// helmDoes is helm for a command that has to succeed, on the release's namespace.
func (c *cluster) helmDoes(t *testing.T, args ...string) string {
	t.Helper()
	out, err := c.helm(t, append(args, "--namespace", system)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// past is what the tests read of a history, ours or Helm's.
type past struct {
	Revision   int
	Status     string
	Version    string `json:"version"`
	AppVersion string `json:"app_version"`
	By         string
}

func (c *cluster) history(t *testing.T) []past {
	t.Helper()
	return read[struct{ Revisions []past }](t, c.must(t, "history", "-o", "json")).Revisions
}

func (c *cluster) helmReads(t *testing.T) {
	t.Helper()
	var listed []struct {
		Name, Namespace, Revision, Status, Chart string
		AppVersion                               string `json:"app_version"`
	}
	decode(t, c.helmDoes(t, "list", "-A", "-o", "json"), &listed)
	if len(listed) != 1 || listed[0].Name != "flannel" || listed[0].Namespace != system || listed[0].Revision != "2" ||
		listed[0].Status != "deployed" || listed[0].AppVersion != "0.27.3" || !strings.HasPrefix(listed[0].Chart, "flannel-") {
		t.Errorf("helm list -A: %+v", listed)
	}
	var theirs []past
	decode(t, c.helmDoes(t, "history", "flannel", "-o", "json"), &theirs)
	for i := range theirs {
		theirs[i].Version, theirs[i].AppVersion = theirs[i].AppVersion, ""
	}
	ours := c.history(t)
	if diff := cmp.Diff(theirs, slices.SortedFunc(slices.Values(ours), func(a, b past) int { return a.Revision - b.Revision })); diff != "" {
		t.Errorf("histories (-helm +addonctl):\n%s", diff)
	}
	if len(ours) != 2 {
		t.Errorf("%d revisions: %+v", len(ours), ours)
	}
	var status struct {
		Version int
		Info    struct{ Status string }
	}
	decode(t, c.helmDoes(t, "status", "flannel", "-o", "json"), &status)
	if status.Version != 2 || status.Info.Status != "deployed" {
		t.Errorf("helm status: %+v", status)
	}
	var values map[string]any
	decode(t, c.helmDoes(t, "get", "values", "flannel", "-o", "json"), &values)
	if fmt.Sprint(values["minReadySeconds"]) != "2" {
		t.Errorf("helm get values: %v", values)
	}
	objects, err := render.Parse(c.helmDoes(t, "get", "manifest", "flannel"))
	if err != nil || len(objects) < 5 {
		t.Fatalf("helm get manifest: %d objects (%v)", len(objects), err)
	}
	for _, o := range objects {
		if o.GetAnnotations()["helm.sh/resource-policy"] != "keep" {
			t.Errorf("%s %s would be deleted by helm uninstall", o.GetKind(), o.GetName())
		}
	}
	c.helmDoes(t, "get", "all", "flannel")
	c.helmDoes(t, "get", "metadata", "flannel")
	if s := c.must(t, "status").out; strings.Contains(s, "ChangedByHelm") || strings.Contains(s, "RevisionsLost") {
		t.Errorf("reading changed something:\n%s", s)
	}
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

func (c *cluster) helmRollsBack(t *testing.T) {
	t.Helper()
	c.helmDoes(t, "rollback", "flannel", "1")
	c.runs(t, "v0.26.2")
	s := c.must(t, "status").out
	for _, text := range []string{"ChangedByHelm", "revision 3", "of 0.26.2", "by helm at 20", "Rollback to 1", "the newest of ours is 2, of 0.27.3"} {
		if !strings.Contains(s, text) {
			t.Errorf("want %q in the status:\n%s", text, s)
		}
	}
	if last := c.history(t)[0]; last.Revision != 3 || last.By != "helm" {
		t.Errorf("the newest of the history: %+v", last)
	}
	if d := c.want(t, 1, "drift"); !strings.Contains(d.out, "revision 3") || !strings.Contains(d.out, "helm") {
		t.Errorf("drift: %s", d)
	}
	// Helm is a foreign owner of what it changed: nothing of it is taken without a word.
	c.want(t, 8, "update", "--yes").says(t, "FieldConflict", "(helm)", "--conflicts overwrite")
	c.must(t, "update", "--conflicts", "overwrite", "--yes")
	c.runs(t, "v0.27.3")
	c.settledAs(t, 4)
}

// runs tells whether the DaemonSet is there and of a release.
func (c *cluster) runs(t *testing.T, tag string) {
	t.Helper()
	if image := c.daemonSet(t).Spec.Template.Spec.Containers[0].Image; !strings.HasSuffix(image, ":"+tag) {
		t.Errorf("the DaemonSet is of %s, want %s", image, tag)
	}
}

// settledAs tells whether the newest revision is ours, deployed and of a release, and nothing is left to do.
func (c *cluster) settledAs(t *testing.T, number int) {
	t.Helper()
	last := c.history(t)[0]
	if last.Revision != number || last.By != "" || last.Status != "deployed" || last.Version != "0.27.3" {
		t.Errorf("the newest revision is %+v, want %d of 0.27.3 by us", last, number)
	}
	if s := c.must(t, "status").out; !strings.Contains(s, "UpToDate") || strings.Contains(s, "ChangedByHelm") || strings.Contains(s, "RevisionsLost") {
		t.Errorf("status:\n%s", s)
	}
}

// helmIsKilled leaves what a Helm leaves that is killed between its first write and its last. Helm's own way out would be an
// uninstall.
func (c *cluster) helmIsKilled(t *testing.T) {
	t.Helper()
	c.helmDoes(t, "rollback", "flannel", "4")
	secrets := driver.NewSecrets(c.Client().CoreV1().Secrets(system))
	r, err := secrets.Get("sh.helm.release.v1.flannel.v5")
	if err != nil {
		t.Fatal(err)
	}
	r.Info.Status = release.StatusPendingUpgrade
	if err := secrets.Update("sh.helm.release.v1.flannel.v5", r); err != nil {
		t.Fatal(err)
	}
	upgrade := []string{"upgrade", "flannel", filepath.Join("..", "charts", "flannel"), "--namespace", system, "--dry-run"}
	if _, err := c.helm(t, upgrade...); err == nil || !strings.Contains(err.Error(), "another operation") {
		t.Errorf("Helm itself goes on from a pending release: %v", err)
	}
	if s := c.must(t, "status").out; !strings.Contains(s, "ChangedByHelm") || !strings.Contains(s, "pending-upgrade") {
		t.Errorf("status:\n%s", s)
	}
	before := c.uids(t)
	c.must(t, "update", "--yes")
	c.settledAs(t, 6)
	if diff := cmp.Diff(before, c.uids(t)); diff != "" {
		t.Errorf("recovering the record replaced objects (-before +after):\n%s", diff)
	}
	if _, err := c.helm(t, upgrade...); err != nil {
		t.Errorf("Helm is still blocked: %v", err)
	}
}

// uids are those of the release's objects and of the pods, by name.
func (c *cluster) uids(t *testing.T) map[string]types.UID {
	t.Helper()
	d := c.daemonSet(t)
	out := map[string]types.UID{"DaemonSet": d.UID}
	for _, p := range c.pods(t) {
		out["Pod "+p.Name] = p.UID
	}
	for _, v := range d.Spec.Template.Spec.Volumes {
		if v.ConfigMap == nil {
			continue
		}
		m, err := c.Client().CoreV1().ConfigMaps(system).Get(t.Context(), v.ConfigMap.Name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		out["ConfigMap "+m.Name] = m.UID
	}
	for name, get := range map[string]func() (metav1.Object, error){
		"ServiceAccount": func() (metav1.Object, error) {
			return c.Client().CoreV1().ServiceAccounts(system).Get(t.Context(), "flannel", metav1.GetOptions{})
		},
		"ClusterRole": func() (metav1.Object, error) {
			return c.Client().RbacV1().ClusterRoles().Get(t.Context(), "flannel", metav1.GetOptions{})
		},
		"ClusterRoleBinding": func() (metav1.Object, error) {
			return c.Client().RbacV1().ClusterRoleBindings().Get(t.Context(), "flannel", metav1.GetOptions{})
		},
	} {
		o, err := get()
		if err != nil {
			t.Fatal(err)
		}
		out[name] = o.GetUID()
	}
	return out
}

func (c *cluster) helmUninstalls(t *testing.T) {
	t.Helper()
	before, generation := c.uids(t), c.daemonSet(t).Generation
	if len(before) < 7 {
		t.Fatalf("too little to look at: %v", before)
	}
	if out := c.helmDoes(t, "uninstall", "flannel"); !strings.Contains(out, "kept") || !strings.Contains(out, "kube-flannel-ds") {
		t.Errorf("helm uninstall: %s", out)
	}
	left, err := c.Client().CoreV1().Secrets(system).List(t.Context(), metav1.ListOptions{LabelSelector: "owner=helm,name=flannel"})
	if err != nil || len(left.Items) != 0 {
		t.Fatalf("%d release Secrets are left (%v): this is no uninstall", len(left.Items), err)
	}
	if s := c.must(t, "status").out; !strings.Contains(s, "RevisionsLost") || !strings.Contains(s, "helm uninstall") {
		t.Errorf("status:\n%s", s)
	}
	c.must(t, "update", "--yes")
	c.settledAs(t, 1)
	if diff := cmp.Diff(before, c.uids(t)); diff != "" {
		t.Errorf("objects and pods (-before +after):\n%s", diff)
	}
	if now := c.daemonSet(t).Generation; now != generation {
		t.Errorf("the DaemonSet's spec was written: generation %d, then %d", generation, now)
	}
}

// helmUninstallsACopy is the negative control: the same objects under other names, once as they are and once without the mark.
func (c *cluster) helmUninstallsACopy(t *testing.T) {
	t.Helper()
	objects, err := render.Parse(c.helmDoes(t, "get", "manifest", "flannel"))
	if err != nil {
		t.Fatal(err)
	}
	for name, keep := range map[string]bool{"kept": true, "gone": false} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "Chart.yaml"), "apiVersion: v2\nname: copy\nversion: 0.1.0\n")
		for _, o := range objects {
			if kind := o.GetKind(); kind == "ServiceAccount" || kind == "ClusterRole" || kind == "ConfigMap" {
				write(t, filepath.Join(dir, "templates", kind+".yaml"), copied(t, o, name, keep))
			}
		}
		c.helmDoes(t, "install", "copy-"+name, dir)
		c.helmDoes(t, "uninstall", "copy-"+name)
		_, err := c.Client().CoreV1().ServiceAccounts(system).Get(t.Context(), "copy-"+name, metav1.GetOptions{})
		_, err2 := c.Client().RbacV1().ClusterRoles().Get(t.Context(), "copy-"+name, metav1.GetOptions{})
		if deleted := apierrors.IsNotFound(err) && apierrors.IsNotFound(err2); deleted == keep {
			t.Errorf("%s: keep %v, deleted %v (%v, %v)", name, keep, deleted, err, err2)
		}
	}
}

// copied is an object under another name, without our label and Helm's marks of ownership.
func copied(t *testing.T, o *unstructured.Unstructured, name string, keep bool) string {
	t.Helper()
	o = o.DeepCopy()
	annotations := map[string]string{}
	if v := o.GetAnnotations()["helm.sh/resource-policy"]; keep && v != "" {
		annotations["helm.sh/resource-policy"] = v
	}
	labels := o.GetLabels()
	maps.DeleteFunc(labels, func(k, _ string) bool { return strings.HasPrefix(k, "addonctl.io/") })
	o.SetName("copy-" + name)
	o.SetAnnotations(annotations)
	o.SetLabels(labels)
	text, err := yaml.Marshal(o.Object)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// helmUpgrades : the guard denies what an upgrade by Helm does first, which is to take our marks off the objects. Without the
// guard it goes through, and the CNI lives and is somebody's who has to be asked.
func (c *cluster) helmUpgrades(t *testing.T) {
	t.Helper()
	before := c.uids(t)
	upgrade := []string{"upgrade", "flannel", filepath.Join("..", "charts", "flannel"), "--set", "minReadySeconds=3", "--namespace", system}
	if _, err := c.helm(t, upgrade...); err == nil || !strings.Contains(err.Error(), "addonctl-guard") || !strings.Contains(err.Error(), "addonctl break-glass") {
		t.Fatalf("an upgrade against the guard: %v", err)
	}
	if s := c.must(t, "status").out; !strings.Contains(s, "ChangedByHelm: revision 2") || !strings.Contains(s, "is failed") {
		t.Errorf("status:\n%s", s)
	}
	c.must(t, "update", "--yes")
	c.settledAs(t, 3)

	c.unbind(t)
	testkube.Eventually(t, soon, func(context.Context) error {
		_, err := c.helm(t, upgrade...)
		return err
	})
	s := c.must(t, "status").out
	for _, text := range []string{"ChangedByHelm", "by helm at 20", "Upgrade complete", "addonctl adopt"} {
		if !strings.Contains(s, text) {
			t.Errorf("want %q in the status:\n%s", text, s)
		}
	}
	if keep := c.daemonSet(t).Annotations["helm.sh/resource-policy"]; keep != "keep" {
		t.Errorf("after an upgrade by Helm the mark is %q", keep)
	}
	c.want(t, 8, "update", "--yes").says(t, "ForeignCNI", "addonctl adopt")
	c.must(t, "adopt", "--yes")
	if last := c.history(t)[0]; last.By != "" || last.Status != "deployed" {
		t.Errorf("the newest revision after adopting: %+v", last)
	}
	if s := c.must(t, "status").out; strings.Contains(s, "ChangedByHelm") || strings.Contains(s, "ForeignCNI") {
		t.Errorf("status after adopting:\n%s", s)
	}
	if diff := cmp.Diff(before, c.uids(t)); diff != "" {
		t.Errorf("an upgrade by Helm and adopting it replaced objects (-before +after):\n%s", diff)
	}
}

// unbind takes the guard's bindings away.
func (c *cluster) unbind(t *testing.T) {
	t.Helper()
	bindings := c.Client().AdmissionregistrationV1().ValidatingAdmissionPolicyBindings()
	list, err := bindings.List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range list.Items {
		if strings.HasPrefix(b.Name, "addonctl-guard") {
			if err := bindings.Delete(t.Context(), b.Name, metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}
