package crash

import (
	"bytes"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/testkube"
)

// actors stops one command between what it read and what it writes, lets another one carry out another wish, and wakes the first:
// it changes nothing any more. That holds for the way in which nodes take a template, which is written first, and for the template. The negative
// control takes the resourceVersion out of the late template, as if nobody compared: then the first one does change something, and the same look
// at the cluster says so. (What it does to the way alone, it takes back itself when it finds that it is fenced off.)
func (b *bench) actors(t *testing.T) {
	const way, template = "fieldManager=addonctl-roll", "fieldManager=addonctl&"
	stale := func(write string) func(*lab) {
		return func(l *lab) {
			if problem := l.meet(write, nil); problem != "" {
				t.Errorf("the actor who woke up changed something (%s):\n%s", write, problem)
			}
		}
	}
	b.spread(t, []func(*lab){
		stale(way), stale(template),
		func(l *lab) {
			if problem := l.meet(template, testkube.Rewrite(unbound)); problem == "" {
				t.Error("a late write that compares nothing was not noticed")
			}
		},
	})
}

var version = regexp.MustCompile(`"resourceVersion":"[0-9]*",?`)

// unbound is an object without its resourceVersion.
func unbound(body []byte) []byte {
	return bytes.ReplaceAll(version.ReplaceAll(body, nil), []byte(",}"), []byte("}"))
}

// meet lets the two meet at a write of the DaemonSet, which late becomes of, and tells what the first changed after the second
// was done.
func (l *lab) meet(write string, late testkube.Fault) string {
	l.tb.Helper()
	update := find("update")
	start := l.begin(update)
	stopped, woken, arrived := make(chan struct{}), make(chan struct{}), make(chan struct{})
	met := false
	l.proxy.Plan(func(_ int, c testkube.Passed) testkube.Fault {
		if met || !c.Write() || c.Method != "PATCH" || !strings.Contains(c.Path, "/daemonsets/"+agent) || !strings.Contains(c.Path, write) {
			return nil
		}
		met = true
		wait := testkube.Both(heard(arrived), testkube.Before(func() { close(stopped); <-woken }))
		if late == nil {
			return wait
		}
		return testkube.Both(wait, late)
	})
	first := l.start("", update.args...)
	select {
	case <-stopped:
	case <-first.ended:
		l.tb.Fatalf("it never wrote: %s", first)
	}
	signal := func(s syscall.Signal) {
		if err := first.cmd.Process.Signal(s); err != nil {
			l.tb.Errorf("sending %s: %v", s, err)
		}
	}
	signal(syscall.SIGSTOP)
	second := l.startAt(l.KubeconfigPath(), "", "update", "--version", "0.24.4", "--yes")
	code := second.wait()
	if code == unreachable {
		l.tb.Logf("again: %s", second)
		second = l.startAt(l.KubeconfigPath(), "", "update", "--version", "0.24.4", "--yes")
		code = second.wait()
	}
	after := l.settled()
	signal(syscall.SIGCONT)
	close(woken)
	first.wait()
	<-arrived // the first actor may have given up on its write before that came to the server
	l.proxy.Plan(nil)
	if code != 0 {
		l.tb.Errorf("the second actor: %s", second)
	}
	want := outcomeOf(l.tb, after, l.bare)
	problem := l.judge(update, start, want, outcome.difference)
	if problem != "" {
		problem += "\n" + first.String()
	}
	return problem
}

// heard passes a call on and says when the server has answered it.
func heard(over chan struct{}) testkube.Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer close(over)
			next.ServeHTTP(w, r)
		})
	}
}

func find(name string) operation {
	return operations[slices.IndexFunc(operations, func(o operation) bool { return o.name == name })]
}

// allowAll gives addonctl's account the rights that a reinstallation needs and its own role does not have.
func (l *lab) allowAll() {
	l.tb.Helper()
	_, err := l.Client().RbacV1().ClusterRoleBindings().Create(l.tb.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "crash-allow-all"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: metav1.NamespaceSystem, Name: "addonctl"}},
	}, metav1.CreateOptions{})
	if err != nil {
		l.tb.Fatal(err)
	}
}

// reinstalls is a negative control of the witness: a build whose engine deletes and writes anew what it could not write is caught.
func (b *bench) reinstalls(t *testing.T) {
	b.spread(t, []func(*lab){func(l *lab) {
		update := find("update")
		start := l.begin(update)
		l.allowAll()
		failed := false
		l.proxy.Plan(func(_ int, c testkube.Passed) testkube.Fault {
			if failed || !c.Write() || c.Method != "PATCH" || !strings.Contains(c.Path, "/daemonsets/"+agent) {
				return nil
			}
			failed = true
			return testkube.Instead(500, "InternalError", 0)
		})
		c := l.start("reinstall", update.args...)
		c.wait()
		l.proxy.Plan(nil)
		gaps := witness(start, l.Since(l.tb, start))
		if !failed || len(gaps) == 0 || !strings.Contains(strings.Join(gaps, " "), "DaemonSet") {
			t.Errorf("an engine that reinstalls was not caught (%v):\n%s", gaps, c)
		}
		if deletes := l.deletes(); len(deletes) == 0 {
			t.Error("the audit log shows no delete")
		}
	}})
}
