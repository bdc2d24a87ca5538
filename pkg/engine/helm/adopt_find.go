package helm

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/record"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/version"
)

// candidates are the workloads of the add-on, as namespace/name.
func (l *looker) candidates() []string {
	var out []string
	for _, c := range l.in.Cluster.CNIs {
		beside := l.AddOn.NetworkType == "" && strings.EqualFold(c.Plugin, l.AddOn.Name)
		if beside || l.AddOn.NetworkType != "" && c.NetworkType == l.AddOn.NetworkType {
			out = append(out, c.Workload)
		}
	}
	if len(out) == 0 && l.in.Installed.Ours {
		out = []string{l.AddOn.Workload.Namespace + "/" + l.AddOn.Workload.Name} // one beside the CNI that is ours is none of the CNIs
	}
	return out
}

// workload finds the one DaemonSet that may be adopted.
func (l *looker) workload(ctx context.Context) error {
	w, found := l.AddOn.Workload, l.candidates()
	switch {
	case len(found) == 0:
		l.refuse(plan.NothingToAdopt, "addonctl install installs it", "nothing of %s runs on cluster %s", l.AddOn.Name, l.in.Cluster.Name)
		return nil
	case len(found) > 1:
		l.refuse(plan.OtherCNI, "take all but one of them off the cluster", "%s runs %d times, as %s: a cluster has exactly one", l.AddOn.Name, len(found), strings.Join(found, " and "))
		return nil
	}
	l.Workload = found[0]
	namespace, name, _ := strings.Cut(found[0], "/")
	if name != w.Name {
		l.refuse(plan.NotAdoptable, "", "%s runs as DaemonSet %s, and every release of ours has DaemonSet %s: an update would put a second agent on every node",
			l.AddOn.Name, l.Workload, w.Name)
		return nil
	}
	if recorded := l.in.Desired.Namespace; recorded != "" && recorded != namespace {
		l.refuse(plan.NotAdoptable, "", "%s is recorded in namespace %s, and runs as %s", l.AddOn.Name, recorded, l.Workload)
		return nil
	}
	l.AddOn = l.AddOn.In(namespace)
	var err error
	l.set, err = l.Target.Typed.AppsV1().DaemonSets(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading DaemonSet %s: %w", l.Workload, err)
	}
	return nil
}

// managed notices that there is nothing to take over: the workload carries our marks, and its revision is recorded as deployed, or
// is one of our own renders that is under way.
func (l *looker) managed(ctx context.Context) error {
	if !kube.Ours(l.set, l.AddOn.Name, l.AddOn.Release, l.AddOn.Workload.Namespace) {
		return nil
	}
	stored, err := record.Open(l.Target, l.AddOn.Workload.Namespace, l.AddOn.Release, l.Now).Revisions(ctx)
	if err != nil {
		return err
	}
	for _, r := range slices.Backward(stored) {
		if r.Digest == l.set.Annotations[kube.AnnotationDigest] {
			l.Done = r.Status == string(plan.Deployed) || !isLiteral(r.Chart)
			l.over = l.Done
			break
		}
	}
	if l.Done {
		return l.version(ctx)
	}
	return nil
}

// version finds the release by the tag of the agent's image.
func (l *looker) version(context.Context) error {
	name, image := l.AddOn.Workload.Container, ""
	for _, c := range l.set.Spec.Template.Spec.Containers {
		if c.Name == name {
			image = c.Image
		}
	}
	known := func() string {
		var out []string
		for _, r := range l.AddOn.Releases {
			out = append(out, r.Version.String())
		}
		return "the catalog has " + strings.Join(out, ", ")
	}
	if image == "" {
		l.refuse(plan.NotAdoptable, "", "%s has no container %s, by whose image its version is known", l.Workload, name)
		return nil
	}
	v, err := version.Parse(tag(image))
	if err != nil {
		l.refuse(plan.NotAdoptable, "name the image by a version's tag, by its owner's means: that restarts the agents; "+known(),
			"the version of %s cannot be read from image %s", l.Workload, image)
		return nil //nolint:nilerr // that it cannot be read is a finding
	}
	r, ok := l.AddOn.Find(v)
	if !ok {
		l.refuse(plan.NotAdoptable, "move it to one of these by its owner's means; "+known(), "%s runs %s, which is no release of the catalog", l.Workload, v)
		return nil
	}
	l.Release = r
	return nil
}

// tag of an image without the leading v; empty when it has none.
func tag(image string) string {
	image, _, _ = strings.Cut(image, "@")
	_, t, _ := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	return strings.TrimPrefix(t, "v")
}

// belongings gathers the live objects that belong to the DaemonSet, itself last.
func (l *looker) belongings(ctx context.Context) error {
	pod := l.set.Spec.Template.Spec
	ns := l.set.Namespace
	if account := pod.ServiceAccountName; account != "" && account != "default" {
		if err := l.add(ctx, "v1", "ServiceAccount", ns, account); err != nil {
			return err
		}
		if err := l.rights(ctx, rbacv1.Subject{Kind: "ServiceAccount", Namespace: ns, Name: account}); err != nil {
			return err
		}
	}
	read := map[string]bool{}
	readBy(&pod, read)
	delete(read, "kube-root-ca.crt")
	for _, name := range slices.Sorted(maps.Keys(read)) {
		if err := l.add(ctx, "v1", "ConfigMap", ns, name); err != nil {
			return err
		}
	}
	if err := l.add(ctx, "apps/v1", "DaemonSet", ns, l.set.Name); err != nil {
		return err
	}
	return l.namespace(ctx)
}

// add reads a live object; one that is not there, or was found before, is passed over.
func (l *looker) add(ctx context.Context, apiVersion, kind, namespace, name string) error {
	o := &unstructured.Unstructured{}
	o.SetAPIVersion(apiVersion)
	o.SetKind(kind)
	o.SetNamespace(namespace)
	o.SetName(name)
	if slices.ContainsFunc(l.found, func(f *unstructured.Unstructured) bool { return sameObject(f, o) }) {
		return nil
	}
	live, err := l.Target.Get(ctx, o)
	if err != nil {
		return fmt.Errorf("reading %s: %w", kube.Ref(o), err)
	}
	if live != nil {
		l.found = append(l.found, live)
	}
	return nil
}

func sameObject(a, b *unstructured.Unstructured) bool {
	return a.GetKind() == b.GetKind() && a.GetNamespace() == b.GetNamespace() && a.GetName() == b.GetName() &&
		a.GroupVersionKind().Group == b.GroupVersionKind().Group
}

// binding is a RoleBinding or a ClusterRoleBinding.
type binding struct {
	kind, namespace, name string
	role                  rbacv1.RoleRef
	subjects              []rbacv1.Subject
}

// rights adds the bindings of an account, and the roles that nobody else is bound to.
func (l *looker) rights(ctx context.Context, account rbacv1.Subject) error {
	all, err := l.bindings(ctx, account.Namespace)
	if err != nil {
		return err
	}
	const group = rbacv1.GroupName + "/v1"
	mine := func(s rbacv1.Subject) bool {
		return s.Kind == account.Kind && s.Name == account.Name && s.Namespace == account.Namespace
	}
	others := func(s rbacv1.Subject) bool { return !mine(s) }
	for _, b := range all {
		if !slices.ContainsFunc(b.subjects, mine) {
			continue
		}
		if slices.ContainsFunc(b.subjects, others) {
			l.say(plan.AdoptedAsIs, false, "", "%s %s gives rights to others beside %s and stays as it is", b.kind, b.name, account.Name)
			continue
		}
		if err := l.add(ctx, group, b.kind, b.namespace, b.name); err != nil {
			return err
		}
		shared := slices.ContainsFunc(all, func(x binding) bool {
			return x.role == b.role && slices.ContainsFunc(x.subjects, others)
		})
		if shared || builtIn(b.role.Name) {
			l.say(plan.AdoptedAsIs, false, "", "%s %s is not of this add-on alone and stays as it is", b.role.Kind, b.role.Name)
		} else if err := l.add(ctx, group, b.role.Kind, b.home(), b.role.Name); err != nil {
			return err
		}
	}
	return nil
}

// home is the namespace of the role that is bound; empty for one of the cluster.
func (b binding) home() string {
	if b.role.Kind == "Role" {
		return b.namespace
	}
	return ""
}

// builtIn tells whether a role is Kubernetes' own.
func builtIn(role string) bool {
	return strings.HasPrefix(role, "system:") || slices.Contains([]string{"cluster-admin", "admin", "edit", "view"}, role)
}

// bindings are all of the cluster's, and those of a namespace, by name.
func (l *looker) bindings(ctx context.Context, namespace string) ([]binding, error) {
	rbac := l.Target.Typed.RbacV1()
	wide, err := rbac.ClusterRoleBindings().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing ClusterRoleBindings: %w", err)
	}
	narrow, err := rbac.RoleBindings(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing RoleBindings: %w", err)
	}
	var out []binding
	for _, b := range wide.Items {
		out = append(out, binding{"ClusterRoleBinding", "", b.Name, b.RoleRef, b.Subjects})
	}
	for _, b := range narrow.Items {
		out = append(out, binding{"RoleBinding", b.Namespace, b.Name, b.RoleRef, b.Subjects})
	}
	return out, nil
}

// namespace is only looked at: it stays whose it is.
func (l *looker) namespace(ctx context.Context) error {
	ns, err := l.Target.Typed.CoreV1().Namespaces().Get(ctx, l.set.Namespace, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading namespace %s: %w", l.set.Namespace, err)
	}
	const label = "pod-security.kubernetes.io/enforce"
	if level := ns.Labels[label]; level != "" && level != "privileged" {
		l.say(plan.AdoptedAsIs, false, fmt.Sprintf("kubectl label --overwrite namespace %s %s=privileged", ns.Name, label),
			"namespace %s enforces Pod Security %s, under which no agent of a CNI can be made anew", ns.Name, level)
	}
	return nil
}

// rest adds what our render has beside the DaemonSet's own belongings, where it is on the cluster: definitions, policies, further
// workloads with their accounts.
func (l *looker) rest(ctx context.Context) error {
	set := l.found[len(l.found)-1]
	l.found = slices.DeleteFunc(l.found[:len(l.found)-1], l.otherRights)
	for _, o := range l.ours.Objects {
		if o.GetKind() == "Namespace" || sameObject(o, set) {
			continue
		}
		if err := l.add(ctx, o.GetAPIVersion(), o.GetKind(), o.GetNamespace(), o.GetName()); err != nil {
			return err
		}
	}
	read, err := l.readers(ctx, l.set.Namespace, l.own(set))
	if err != nil {
		return err
	}
	l.found = slices.DeleteFunc(l.found, func(o *unstructured.Unstructured) bool { return l.otherConfig(o, read[o.GetName()]) })
	l.found = append(l.found, set)
	return nil
}

// own tells which workloads and pods are the add-on's: those that were found, and the pods that their selectors name.
func (l *looker) own(set *unstructured.Unstructured) func(kind string, o metav1.Object) bool {
	workloads := []*unstructured.Unstructured{set}
	for _, o := range l.found {
		if render.PhaseOf(o) == render.Workloads && o.GetNamespace() == l.set.Namespace {
			workloads = append(workloads, o)
		}
	}
	return func(kind string, o metav1.Object) bool {
		return slices.ContainsFunc(workloads, func(w *unstructured.Unstructured) bool {
			return w.GetKind() == kind && w.GetName() == o.GetName() || kind == "Pod" && selects(w, o)
		})
	}
}

// selects tells whether a workload's selector names a pod.
func selects(workload *unstructured.Unstructured, pod metav1.Object) bool {
	selector := &metav1.LabelSelector{}
	of, ok, _ := unstructured.NestedMap(workload.Object, "spec", "selector")
	if !ok || runtime.DefaultUnstructuredConverter.FromUnstructured(of, selector) != nil {
		return false
	}
	s, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && s.Matches(labels.Set(pod.GetLabels()))
}

// configurationKeys are those under which a ConfigMap holds the network's configuration.
var configurationKeys = []string{"net-conf.json", "cni-conf.json"}

// otherConfig tells whether a ConfigMap is not the add-on's alone: it holds no network configuration and no release of ours has one of
// that name, or somebody else reads it too. It stays as it is: what is adopted is written over, and taken back one day.
func (l *looker) otherConfig(o *unstructured.Unstructured, readers []string) bool {
	if o.GetKind() != "ConfigMap" || o.GetNamespace() != l.set.Namespace {
		return false
	}
	known := slices.ContainsFunc(l.ours.Objects, func(x *unstructured.Unstructured) bool { return sameObject(x, o) })
	data, _, _ := unstructured.NestedMap(o.Object, "data")
	holds := slices.ContainsFunc(configurationKeys, func(key string) bool { return data[key] != nil })
	switch {
	case len(readers) > 0:
		fix := ""
		if known {
			fix = "give them a ConfigMap of their own first: every release of ours has one of this name, and none is written over somebody else's"
		}
		l.say(plan.AdoptedAsIs, false, fix, "%s is read by others too and stays as it is: %s", kube.Ref(o), strings.Join(readers, ", "))
		return true
	case !holds && !known:
		l.say(plan.AdoptedAsIs, false, "", "%s holds no network configuration and stays as it is", kube.Ref(o))
		return true
	}
	return false
}

// otherRights tells whether an object grants by a role that no release of ours has. It stays as it is: addonctl's own account may
// write no other roles than these, nor bind them.
func (l *looker) otherRights(o *unstructured.Unstructured) bool {
	role := o.GetName()
	switch o.GetKind() {
	case "ClusterRole", "Role":
	case "ClusterRoleBinding", "RoleBinding":
		role, _, _ = unstructured.NestedString(o.Object, "roleRef", "name")
	default:
		return false
	}
	known := slices.ContainsFunc(l.ours.Objects, func(x *unstructured.Unstructured) bool {
		return (x.GetKind() == "ClusterRole" || x.GetKind() == "Role") && x.GetName() == role
	})
	if !known {
		l.say(plan.AdoptedAsIs, false, "", "%s is of role %s, which no release of ours has, and stays as it is", kube.Ref(o), role)
	}
	return !known
}

// preview asks the API server, in dry runs, whether marking the objects leaves what they say as it is.
func (l *looker) preview(ctx context.Context) error {
	for _, o := range l.written() {
		live, err := l.Target.Get(ctx, o)
		if err != nil {
			return fmt.Errorf("reading %s: %w", kube.Ref(o), err)
		}
		if live == nil {
			l.refuse(plan.NotAdoptable, "look again", "%s was deleted meanwhile", kube.Ref(o))
			return nil
		}
		const whoever = true // the fields are not ours yet
		if err := l.asked(ctx, o, live, whoever); err != nil {
			if kube.Unreachable(err) {
				return fmt.Errorf("asking about %s: %w", kube.Ref(o), err)
			}
			l.say(refusedBy(err), true, "", "%s cannot be taken over: %s", kube.Ref(o), oneLine(err))
		}
	}
	return nil
}

func refusedBy(err error) plan.Reason {
	switch {
	case apierrors.IsForbidden(err):
		return plan.MissingRight
	case refuses(err):
		return plan.ObjectRefused
	default:
		return plan.NotAdoptable
	}
}
