package helm_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/engine/helm"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/record"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/version"
)

// upstream is flannel 0.26.2 as its makers lay it out, in a namespace.
func upstream(t *testing.T, namespace string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/flannel-0.26.2.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if namespace == "kube-flannel" {
		return string(text)
	}
	_, objects, _ := strings.Cut(string(text), "\n---\n") // the Namespace comes first
	return strings.ReplaceAll(objects, "namespace: kube-flannel", "namespace: "+namespace)
}

// kubectl carries out a command on a manifest.
func (b *bench) kubectl(t *testing.T, manifest string, args ...string) {
	t.Helper()
	cmd := b.cluster.Kubectl(t.Context(), args...)
	cmd.Stdin = strings.NewReader(manifest)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// observe is a look at the cluster as `adopt` takes it.
func (b *bench) observe(t *testing.T) plan.Input {
	t.Helper()
	in, err := b.observer.Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in.Request = plan.Request{Verb: plan.Register, NetworkType: b.observer.NetworkType}
	return in
}

func (b *bench) adoptable(t *testing.T) (plan.Input, *helm.Adoption) {
	t.Helper()
	in := b.observe(t)
	a, err := b.Adoptable(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return in, a
}

// save records an adoption's wish as the command line does.
func (b *bench) save(t *testing.T, in plan.Input, a *helm.Adoption) {
	t.Helper()
	d := plan.Desired{
		AddOn: a.AddOn.Name, Version: a.Release.Version.String(), Pin: plan.Pin{Reason: "adopted"}, Settings: a.Settings,
	}
	if ns := a.AddOn.Workload.Namespace; ns != "kube-system" {
		d.Namespace = ns
	}
	err := b.observer.Hub.Save(t.Context(), b.Target, hub.Wish{
		Cluster: in.Cluster.Name, NetworkType: v1alpha1.NetworkType(plan.NetworkType(in)), PodCIDRs: a.PodCIDRs,
		UID: in.Cluster.UID, Desired: d, Seen: in.Desired, Fresh: true,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) set(t *testing.T, namespace string) *appsv1.DaemonSet {
	t.Helper()
	d, err := b.Target.Typed.AppsV1().DaemonSets(namespace).Get(t.Context(), "kube-flannel-ds", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// What somebody applied is taken over with nothing but metadata: the spec and its generation are as before, the planner has
// nothing to do, no former owner is left, and the first update of ours finds no conflict.
func TestWhatKubectlAppliedIsAdoptedAsItIs(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		namespace string
		apply     []string
	}{
		"kube-system, client-side":  {"kube-system", []string{"apply", "-f", "-"}},
		"kube-flannel, client-side": {"kube-flannel", []string{"apply", "-f", "-"}},
		"kube-flannel, server-side": {"kube-flannel", []string{"apply", "--server-side", "-f", "-"}},
		"kube-system, created":      {"kube-system", []string{"create", "-f", "-"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t)
			b.kubectl(t, upstream(t, tt.namespace), tt.apply...)
			before := b.set(t, tt.namespace)
			in, a := b.adoptable(t)
			if len(a.Blocking()) > 0 || a.Done || a.Workload != tt.namespace+"/kube-flannel-ds" || a.Release.Version.String() != "0.26.2" {
				t.Fatalf("found %+v", a)
			}
			b.shown(t, a)
			b.save(t, in, a)
			done, err := b.Adopt(t.Context(), b.observe(t), a)
			if err != nil {
				t.Fatal(err)
			}
			after := b.set(t, tt.namespace)
			if diff := cmp.Diff(before.Spec, after.Spec); diff != "" || before.Generation != after.Generation {
				t.Errorf("generation %d, then %d; spec (-before +after):\n%s", before.Generation, after.Generation, diff)
			}
			b.owned(t, after, done)
			b.kept(t, tt.namespace, done.AddOn)
			b.upToDate(t)
			b.updatable(t)
		})
	}
}

// shown is what the operator is told: the settings that come nearest, and the differences that are left.
func (b *bench) shown(t *testing.T, a *helm.Adoption) {
	t.Helper()
	want := map[string]any{
		"backend":        map[string]any{"type": "vxlan", "port": int64(8473)},
		"selectorLabels": map[string]any{"k8s-app": "flannel"},
		"respectOptOut":  false,
		"agent":          map[string]any{"iface": []any{"ens3"}},
	}
	if diff := cmp.Diff(want, a.Settings.Values); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"10.244.0.0/16"}, a.PodCIDRs); diff != "" {
		t.Errorf("pod CIDRs (-want +got):\n%s", diff)
	}
	var fields []string
	for _, d := range a.Differences {
		fields = append(fields, fmt.Sprintf("%s %s %s", d.Kind, d.Object, d.Field))
	}
	text := strings.Join(fields, "\n")
	t.Logf("differences:\n%s", text)
	if !strings.Contains(text, "tolerations") || strings.Contains(text, "selector") || strings.Contains(text, "net-conf.json") {
		t.Errorf("differences:\n%s", text)
	}
}

// owned tells that the fields are ours now, and what the record says.
func (b *bench) owned(t *testing.T, d *appsv1.DaemonSet, a *helm.Adoption) {
	t.Helper()
	for _, f := range d.ManagedFields {
		if f.Subresource == "" && f.Manager != kube.FieldManager {
			t.Errorf("%s still owns fields by %s", f.Manager, f.Operation)
		}
	}
	if !kube.Ours(d, "Flannel", "flannel", d.Namespace) || d.Annotations[kube.AnnotationRevision] != "1" || d.Annotations[kube.AnnotationDigest] != a.Digest {
		t.Errorf("marks: %v %v", d.Labels, d.Annotations)
	}
	rs, err := record.Open(b.Target, d.Namespace, "flannel", b.Now).Revisions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(rs) != 1 || rs[0].Number != 1 || rs[0].Status != string(plan.Deployed) || rs[0].Version != "0.26.2" || rs[0].Digest != a.Digest {
		t.Errorf("revisions: %+v", rs)
	}
}

// upToDate tells that the planner has nothing to do, and that adopting again has not either.
func (b *bench) upToDate(t *testing.T) {
	t.Helper()
	in := b.observe(t)
	in.Request = plan.Request{}
	var err error
	if in.Change, err = b.Change(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	for _, s := range plan.Make(in).Steps {
		if s.Kind == plan.Apply || s.Kind == plan.Settle {
			t.Errorf("after the adoption: %+v, findings %+v", s, plan.Make(in).Findings)
		}
	}
	if _, a := b.adoptable(t); !a.Done {
		t.Errorf("adopting again: %+v", a)
	}
}

// kept tells whether the namespace that an add-on was adopted in carries the label by which the guard keeps it, and that removing
// the add-on takes the label off. Without it kubectl delete namespace would end the namespace for ever.
func (b *bench) kept(t *testing.T, namespace string, addOn catalog.AddOn) {
	t.Helper()
	label := func() string {
		t.Helper()
		ns, err := b.Target.Typed.CoreV1().Namespaces().Get(t.Context(), namespace, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return ns.Labels[kube.LabelAddOn]
	}
	want := "Flannel"
	if namespace == "kube-system" {
		want = ""
	}
	if got := label(); got != want {
		t.Errorf("namespace %s has our label %q, want %q", namespace, got, want)
	}
	t.Cleanup(func() {
		if _, err := b.Remove(context.WithoutCancel(t.Context()), addOn, b.Target); err != nil {
			t.Error(err)
		}
		if ns, err := b.Target.Typed.CoreV1().Namespaces().Get(context.WithoutCancel(t.Context()), namespace, metav1.GetOptions{}); err != nil || ns.Labels[kube.LabelAddOn] != "" {
			t.Errorf("after the removal namespace %s: %v (%v)", namespace, ns, err)
		}
	})
}

// updatable tells that a release of ours can be written over it, and that the API server says so.
func (b *bench) updatable(t *testing.T) {
	t.Helper()
	in := b.observe(t)
	in.Request = plan.Request{Verb: plan.SetPin, Version: "0.27.3", Pin: plan.Pin{Reason: "test"}}
	var err error
	if in.Change, err = b.Change(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	for _, o := range in.Change.Objects {
		if o.Action != plan.Create && o.Action != plan.Configure && o.Action != plan.Unchanged {
			t.Errorf("%s: %s %s", o.Object, o.Action, o.Message)
		}
	}
	if p := plan.Make(in); len(p.Blocking()) > 0 || len(p.Steps) == 0 {
		t.Errorf("an update is refused: %+v", p.Blocking())
	}
}

// What is live is left alone when it cannot be taken over, with the reason.
func TestWhatCannotBeAdoptedIsRefused(t *testing.T) {
	t.Parallel()
	b := start(t)
	manifest := upstream(t, "kube-system")
	for _, tt := range []struct {
		name, manifest string
		networkType    catalog.NetworkType
		reason         plan.Reason
		says           string
	}{
		{"nothing runs", "", catalog.FlannelOverlay, plan.NothingToAdopt, "nothing of Flannel runs"},
		{"another name", strings.Replace(manifest, "name: kube-flannel-ds", "name: flannel-agent", 1), catalog.FlannelOverlay, plan.NotAdoptable, "a second agent"},
		{"a version that is no release", strings.ReplaceAll(manifest, "v0.26.2", "v0.26.99"), catalog.FlannelOverlay, plan.NotAdoptable, "0.26.99, which is no release"},
		{"an image without a tag", strings.ReplaceAll(manifest, "flannel:v0.26.2", "flannel@sha256:"+strings.Repeat("a", 64)), catalog.FlannelOverlay, plan.NotAdoptable, "cannot be read"},
		{"a selector without app", strings.ReplaceAll(manifest, "app: flannel\n      k8s-app", "k8s-app"), catalog.FlannelOverlay, plan.NotAdoptable, "selector"},
		{"a backend that the chart does not know", strings.ReplaceAll(manifest, `"vxlan"`, `"udp"`), catalog.FlannelOverlay, plan.NotAdoptable, "backend"},
		{"another type", manifest, catalog.OCIVCNIPNative, plan.OtherCNI, "exactly one CNI"},
		{"two of them", manifest + "\n---\n" + upstream(t, "kube-public"), catalog.FlannelOverlay, plan.OtherCNI, "runs 2 times"},
	} {
		if tt.manifest != "" {
			b.kubectl(t, tt.manifest, "apply", "-f", "-")
		}
		b.observer.NetworkType = tt.networkType
		_, a := b.adoptable(t)
		blocking := a.Blocking()
		if len(blocking) == 0 || !slices.ContainsFunc(blocking, func(f plan.Finding) bool {
			return f.Reason == tt.reason && strings.Contains(f.Message, tt.says)
		}) {
			t.Errorf("%s: findings %+v", tt.name, a.Findings)
		}
		if tt.manifest != "" {
			b.kubectl(t, tt.manifest, "delete", "--ignore-not-found", "--wait=true", "-f", "-")
		}
	}
}

// failing cuts the connection at one write: before it reaches the server, or before its answer comes back.
type failing struct {
	http.RoundTripper
	left  *atomic.Int64
	after bool
}

var errCut = errors.New("the connection is cut")

func (f failing) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet || strings.Contains(r.URL.RawQuery, "dryRun") || strings.Contains(r.URL.Path, "selfsubject") {
		return f.RoundTripper.RoundTrip(r)
	}
	n := f.left.Add(-1)
	if n < 0 || n == 0 && !f.after {
		return nil, errCut
	}
	answer, err := f.RoundTripper.RoundTrip(r)
	if n == 0 {
		return nil, errCut
	}
	return answer, err
}

// An adoption that was cut off at any of its writes is finished by the next one, in the same state, and nothing was ever lost.
func TestAnAdoptionThatWasCutOffIsFinished(t *testing.T) {
	t.Parallel()
	b := start(t)
	manifest := upstream(t, "kube-system")
	var want map[string]string
	for cut := int64(1); ; cut++ {
		b.kubectl(t, manifest, "apply", "-f", "-")
		before := b.set(t, "kube-system")
		in, a := b.adoptable(t)
		broken := *b.Engine
		cfg, left := b.cluster.Config(), &atomic.Int64{}
		left.Store(cut)
		cfg.Wrap(func(rt http.RoundTripper) http.RoundTripper { return failing{rt, left, cut%2 == 0} })
		var err error
		if broken.Target, err = kube.New(cfg); err != nil {
			t.Fatal(err)
		}
		_, err = broken.Adopt(t.Context(), in, a)
		whole := left.Load() > 0
		if whole != (err == nil) {
			t.Fatalf("cut at write %d, and the adoption ends with %v", cut, err)
		}
		if _, again := b.adoptable(t); !again.Done {
			if _, err := b.Adopt(t.Context(), b.observe(t), again); err != nil {
				t.Fatalf("after a cut at write %d: %v", cut, err)
			}
		}
		if after := b.set(t, "kube-system"); after.UID != before.UID || after.Generation != before.Generation {
			t.Errorf("a cut at write %d: the DaemonSet is another, or of another generation", cut)
		}
		got := b.everything(t)
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("a cut at write %d (-at the first +now):\n%s", cut, diff)
		}
		b.kubectl(t, manifest, "delete", "--ignore-not-found", "--wait=true", "-f", "-")
		b.forget(t)
		if whole {
			t.Logf("%d writes were cut", cut-1)
			if cut < 10 {
				t.Error("there are too few writes for an adoption of five objects and a record")
			}
			return
		}
	}
}

// everything is what an adoption left: marks, owners, and the record.
func (b *bench) everything(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	note := func(kind string, o metav1.Object) {
		var managers []string
		for _, f := range o.GetManagedFields() {
			if f.Subresource == "" {
				managers = append(managers, f.Manager+" "+string(f.Operation))
			}
		}
		a := o.GetAnnotations()
		out[kind] = fmt.Sprint(o.GetLabels(), a[kube.AnnotationReleaseName], a[kube.AnnotationKeep], a[kube.AnnotationRevision], a[corev1.LastAppliedConfigAnnotation] != "", managers)
	}
	ctx, typed := t.Context(), b.Target.Typed
	get := func(kind string, o metav1.Object, err error) {
		if err != nil {
			t.Fatal(err)
		}
		note(kind, o)
	}
	d, err := typed.AppsV1().DaemonSets("kube-system").Get(ctx, "kube-flannel-ds", metav1.GetOptions{})
	get("DaemonSet", d, err)
	m, err := typed.CoreV1().ConfigMaps("kube-system").Get(ctx, "kube-flannel-cfg", metav1.GetOptions{})
	get("ConfigMap", m, err)
	s, err := typed.CoreV1().ServiceAccounts("kube-system").Get(ctx, "flannel", metav1.GetOptions{})
	get("ServiceAccount", s, err)
	r, err := typed.RbacV1().ClusterRoles().Get(ctx, "flannel", metav1.GetOptions{})
	get("ClusterRole", r, err)
	rb, err := typed.RbacV1().ClusterRoleBindings().Get(ctx, "flannel", metav1.GetOptions{})
	get("ClusterRoleBinding", rb, err)
	secrets, err := typed.CoreV1().Secrets("kube-system").List(ctx, metav1.ListOptions{LabelSelector: "owner=helm"})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range secrets.Items {
		out["Secret "+x.Name] = x.Labels["status"]
	}
	return out
}

// forget deletes the record, for the next run of a test.
func (b *bench) forget(t *testing.T) {
	t.Helper()
	err := b.Target.Typed.CoreV1().Secrets("kube-system").DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "owner=helm"})
	if err != nil {
		t.Fatal(err)
	}
}

// Something else than what was shown is not adopted.
func TestWhatWasChangedSinceItWasShownIsNotAdopted(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.kubectl(t, upstream(t, "kube-system"), "apply", "-f", "-")
	in, a := b.adoptable(t)
	b.kubectl(t, "", "-n", "kube-system", "set", "env", "daemonset/kube-flannel-ds", "X=1")
	if _, err := b.Adopt(t.Context(), in, a); !errors.Is(err, helm.ErrStale) {
		t.Errorf("adopting what was changed: %v, want ErrStale", err)
	}
	if kube.Ours(b.set(t, "kube-system"), "Flannel", "flannel", "kube-system") {
		t.Error("something was written")
	}
}

// The other add-ons, put there by somebody with our own objects and none of our marks: definitions, policies and further workloads
// are taken over with the agent.
func TestEveryAddOnCanBeAdopted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		version string
		objects []string
	}{
		"Calico":         {"3.30.3", []string{"CustomResourceDefinition felixconfigurations.crd.projectcalico.org", "Deployment calico-kube-controllers", "DaemonSet calico-node"}},
		"OciVcnIpNative": {"3.2.0", []string{"CustomResourceDefinition nativepodnetworks.oci.oraclecloud.com", "DaemonSet vcn-native-ip-cni"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t)
			b.observer.AddOn, b.observer.NetworkType = name, catalog.OCIVCNIPNative
			b.kubectl(t, b.foreign(t, name, tt.version), "apply", "--server-side", "-f", "-")
			in, a := b.adoptable(t)
			if len(a.Blocking()) > 0 || a.Release.Version.String() != tt.version {
				t.Fatalf("found %s %s: %+v", a.Workload, a.Release.Version, a.Findings)
			}
			if len(a.Differences) > 0 {
				t.Errorf("differences to what was rendered: %+v", a.Differences)
			}
			for _, want := range tt.objects {
				if !slices.ContainsFunc(a.Objects, func(o helm.Taken) bool { return o.Object == want }) {
					t.Errorf("%s is not taken over: %+v", want, a.Objects)
				}
			}
			b.save(t, in, a)
			if _, err := b.Adopt(t.Context(), b.observe(t), a); err != nil {
				t.Fatal(err)
			}
			b.upToDate(t)
		})
	}
}

// foreign is a release as somebody without addonctl would apply it.
func (b *bench) foreign(t *testing.T, addOn, v string) string {
	t.Helper()
	a, _ := b.observer.Catalog.AddOn(addOn)
	r, ok := a.Find(version.MustParse(v))
	if !ok {
		t.Fatalf("%s has no release %s", addOn, v)
	}
	out, err := render.Release(b.Charts, a, r, render.Settings{Kubernetes: version.MustParse("1.36.0"), NetworkType: catalog.OCIVCNIPNative})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range out.Objects {
		notes, labels := o.GetAnnotations(), o.GetLabels()
		for _, mark := range []string{kube.AnnotationReleaseName, kube.AnnotationReleaseNS, kube.AnnotationKeep} {
			delete(notes, mark)
		}
		o.SetAnnotations(notes)
		delete(labels, kube.LabelAddOn)
		delete(labels, kube.LabelManagedBy)
		o.SetLabels(labels)
	}
	text, err := render.Print(out.Objects)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Whoever keeps a source or a record of the objects elsewhere is named: they would write over what is adopted.
func TestFormerOwnersAreNamed(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.kubectl(t, upstream(t, "kube-system"), "apply", "-f", "-")
	b.kubectl(t, "", "-n", "kube-system", "annotate", "daemonset/kube-flannel-ds", "argocd.argoproj.io/tracking-id=net:apps/DaemonSet:kube-system/x")
	b.kubectl(t, "", "-n", "kube-system", "label", "serviceaccount/flannel", "kustomize.toolkit.fluxcd.io/name=cni")
	b.kubectl(t, "", "create", "clusterrole", "more-for-flannel", "--verb=get", "--resource=services")
	b.kubectl(t, "", "create", "clusterrolebinding", "more-for-flannel", "--clusterrole=more-for-flannel", "--serviceaccount=kube-system:flannel")
	_, a := b.adoptable(t)
	if n := len(a.Objects); n != 5 {
		t.Errorf("%d objects are taken over, with rights that are none of ours: %+v", n, a.Objects)
	}
	var said []string
	for _, f := range a.Findings {
		said = append(said, string(f.Reason)+" "+f.Message)
	}
	for _, want := range []string{"FormerOwner Argo CD application net ", "FormerOwner Flux Kustomization cni ", "AdoptedAsIs ClusterRoleBinding more-for-flannel"} {
		if !slices.ContainsFunc(said, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("%q is not among %q", want, said)
		}
	}
	if len(a.Blocking()) > 0 {
		t.Errorf("that blocks: %+v", a.Blocking())
	}
}

// What other pods read is not taken over, nor what is no configuration of the network; and a ConfigMap of ours that somebody began to
// read stays when the release that brought it is settled over. It would catch an update that deletes somebody else's configuration.
func TestConfigurationOfOthersIsNeverOurs(t *testing.T) {
	t.Parallel()
	b := start(t)
	manifest := upstream(t, "kube-system") + `
---
apiVersion: v1
kind: ConfigMap
metadata: {name: proxy-env, namespace: kube-system}
data: {HTTPS_PROXY: "http://proxy"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: agent-env, namespace: kube-system}
data: {X: "y"}
`
	b.kubectl(t, manifest, "apply", "-f", "-")
	for _, name := range []string{"proxy-env", "agent-env"} {
		b.kubectl(t, "", "-n", "kube-system", "set", "env", "daemonset/kube-flannel-ds", "--from=configmap/"+name)
	}
	b.reader(t, "other", "proxy-env")
	in, a := b.adoptable(t)
	if len(a.Blocking()) > 0 || len(a.Objects) != 5 {
		t.Fatalf("%d objects are taken over: %+v, %+v", len(a.Objects), a.Objects, a.Findings)
	}
	for name, says := range map[string]string{"proxy-env": "Deployment other", "agent-env": "holds no network configuration"} {
		if !slices.ContainsFunc(a.Findings, func(f plan.Finding) bool {
			return f.Reason == plan.AdoptedAsIs && strings.HasPrefix(f.Message, "ConfigMap "+name) && strings.Contains(f.Message, says)
		}) {
			t.Errorf("nothing is said of %s: %+v", name, a.Findings)
		}
	}
	b.save(t, in, a)
	if _, err := b.Adopt(t.Context(), b.observe(t), a); err != nil {
		t.Fatal(err)
	}
	b.upToDate(t)
	b.reader(t, "late", "kube-flannel-cfg")
	b.moves(t, "0.27.3")
	b.maps(t, true, "proxy-env", "agent-env", "kube-flannel-cfg")
	// The negative control: what is ours and read by nobody is taken back.
	b.kubectl(t, "", "-n", "kube-system", "delete", "deployment", "late", "--wait=true")
	b.kubectl(t, "", "-n", "kube-system", "delete", "pods", "-l", "app=late", "--wait=true")
	b.moves(t, "0.27.4")
	b.maps(t, false, "kube-flannel-cfg")
	b.maps(t, true, "proxy-env", "agent-env")
}

// A network configuration that somebody else reads too stays theirs, and the CNI can be updated all the same.
func TestASharedNetworkConfigurationIsNotTakenOver(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.kubectl(t, upstream(t, "kube-system"), "apply", "-f", "-")
	b.reader(t, "other", "kube-flannel-cfg")
	in, a := b.adoptable(t)
	if len(a.Blocking()) > 0 || len(a.Objects) != 4 || !slices.Equal(a.PodCIDRs, []string{"10.244.0.0/16"}) {
		t.Fatalf("found %+v", a)
	}
	b.save(t, in, a)
	if _, err := b.Adopt(t.Context(), b.observe(t), a); err != nil {
		t.Fatal(err)
	}
	b.upToDate(t)
	b.updatable(t)
	b.moves(t, "0.27.3")
	b.maps(t, true, "kube-flannel-cfg")
}

// reader is a Deployment of somebody's that reads a ConfigMap.
func (b *bench) reader(t *testing.T, name, reads string) {
	t.Helper()
	b.kubectl(t, fmt.Sprintf(`{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": %[1]q, "namespace": "kube-system"}, "spec": {
		"selector": {"matchLabels": {"app": %[1]q}}, "template": {"metadata": {"labels": {"app": %[1]q}}, "spec": {
		"containers": [{"name": "x", "image": "x", "envFrom": [{"configMapRef": {"name": %[2]q}}]}]}}}}`, name, reads), "apply", "-f", "-")
}

// maps tells whether ConfigMaps are there.
func (b *bench) maps(t *testing.T, want bool, names ...string) {
	t.Helper()
	for _, name := range names {
		_, err := b.Target.Typed.CoreV1().ConfigMaps("kube-system").Get(t.Context(), name, metav1.GetOptions{})
		if got := err == nil; got != want {
			t.Errorf("ConfigMap %s is there: %v, want %v", name, got, want)
		}
	}
}
