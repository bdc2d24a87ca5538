package crash

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/addonctl/addonctl/pkg/testkube"
)

// agent is the CNI whose set is looked after.
const agent = "kube-flannel-ds"

// witness replays what happened, revision by revision, and returns the moments at which the cluster had no whole CNI after it
// had had one.
func witness(begin testkube.State, events []testkube.Event) []string {
	var out []string
	state := begin
	complete := whole(state) == nil
	for len(events) > 0 {
		n := 1
		for n < len(events) && events[n].Revision == events[0].Revision {
			n++
		}
		state = state.With(events[:n]...)
		matters := slices.ContainsFunc(events[:n], func(e testkube.Event) bool { return part(e.Key) })
		if matters {
			err := whole(state)
			if complete && err != nil {
				out = append(out, fmt.Sprintf("revision %d (%s): %v", state.Revision, events[0].Key, err))
			}
			complete = complete || err == nil
		}
		events = events[n:]
	}
	return out
}

// part tells whether a key can be of the set.
func part(key string) bool {
	for _, kind := range []string{"daemonsets", "configmaps", "serviceaccounts", "clusterroles", "clusterrolebindings"} {
		if strings.HasPrefix(key, "/registry/"+kind+"/") {
			return true
		}
	}
	return false
}

// whole tells what is missing of {DaemonSet, the configuration that its template reads, ServiceAccount, RBAC}.
func whole(s testkube.State) error {
	d, key := findAgent(s)
	if d == nil {
		return errors.New("there is no DaemonSet")
	}
	if d.DeletionTimestamp != nil {
		return fmt.Errorf("%s is being deleted", key)
	}
	var errs []error
	pod := d.Spec.Template.Spec
	for _, v := range pod.Volumes {
		if v.ConfigMap == nil {
			continue
		}
		if m := read[*corev1.ConfigMap](s, "configmaps/"+d.Namespace+"/"+v.ConfigMap.Name); m == nil || len(m.Data) == 0 {
			errs = append(errs, fmt.Errorf("ConfigMap %s is missing", v.ConfigMap.Name))
		}
	}
	if read[*corev1.ServiceAccount](s, "serviceaccounts/"+d.Namespace+"/"+pod.ServiceAccountName) == nil {
		errs = append(errs, fmt.Errorf("ServiceAccount %s is missing", pod.ServiceAccountName))
	}
	if !mayReadNodes(s, d.Namespace, pod.ServiceAccountName) {
		errs = append(errs, fmt.Errorf("ServiceAccount %s may not read nodes", pod.ServiceAccountName))
	}
	return errors.Join(errs...)
}

func findAgent(s testkube.State) (d *appsv1.DaemonSet, key string) {
	for _, namespace := range []string{"kube-system", "kube-flannel"} {
		key = "daemonsets/" + namespace + "/" + agent
		if d := read[*appsv1.DaemonSet](s, key); d != nil {
			return d, key
		}
	}
	return nil, ""
}

// mayReadNodes follows bindings and roles as the API server does.
func mayReadNodes(s testkube.State, namespace, account string) bool {
	const bindings = "/registry/clusterrolebindings/"
	for key := range s.Values {
		name, ok := strings.CutPrefix(key, bindings)
		if !ok || strings.HasPrefix(name, "system:") {
			continue
		}
		b := read[*rbacv1.ClusterRoleBinding](s, "clusterrolebindings/"+name)
		if b == nil || !slices.ContainsFunc(b.Subjects, func(s rbacv1.Subject) bool {
			return s.Kind == rbacv1.ServiceAccountKind && s.Namespace == namespace && s.Name == account
		}) {
			continue
		}
		role := read[*rbacv1.ClusterRole](s, "clusterroles/"+b.RoleRef.Name)
		if role != nil && slices.ContainsFunc(role.Rules, func(r rbacv1.PolicyRule) bool {
			return slices.Contains(r.Resources, "nodes") && slices.Contains(r.Verbs, "list") && slices.Contains(r.Verbs, "watch")
		}) {
			return true
		}
	}
	return false
}

// read decodes an object; zero when it is not there.
func read[T runtime.Object](s testkube.State, key string) T {
	var none T
	value := s.Values["/registry/"+key]
	if value == nil {
		return none
	}
	object, _, err := scheme.Codecs.UniversalDeserializer().Decode(value, nil, nil)
	if err != nil {
		return none
	}
	out, _ := object.(T)
	return out
}

// deletes are the calls of the audit log that removed an object of the set, an old configuration aside: that none was still
// read is what the witness looks at.
func (l *lab) deletes() []string {
	l.tb.Helper()
	var out []string
	calls, _ := l.CallsFrom(l.tb, l.audit, func(c testkube.Call) bool {
		return strings.HasPrefix(c.Verb, "delete") && c.Response.Code < 300 && !strings.Contains(c.URI, "dryRun=") && !bytes.Contains(c.Request, []byte(`"dryRun":["All"]`))
	})
	for _, c := range calls {
		switch c.Object.Resource {
		case "daemonsets", "serviceaccounts", "clusterroles", "clusterrolebindings", "roles", "rolebindings", "namespaces", "customresourcedefinitions":
			out = append(out, fmt.Sprintf("%s %s by %s (%s)", c.Verb, c.URI, c.User.Username, c.UserAgent))
		case "configmaps":
			if c.Verb == "deletecollection" || !strings.HasPrefix(c.Object.Name, "kube-flannel-cfg-") {
				out = append(out, fmt.Sprintf("%s %s by %s (%s)", c.Verb, c.URI, c.User.Username, c.UserAgent))
			}
		}
	}
	return out
}
