package crash

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// rolled tells what is wrong with the pods that an operation deleted: any, where it is none that rolls.
func (l *lab) rolled(o operation, start testkube.State, events []testkube.Event) []string {
	l.tb.Helper()
	asked := l.podDeletes()
	if !o.rolls {
		var out []string
		for _, a := range asked {
			out = append(out, a.String())
		}
		return out
	}
	out := oneByOne(start, events, asked)
	if d, _ := findAgent(start.With(events...)); d != nil && d.Annotations[kube.AnnotationRoll] != "" {
		out = append(out, "the roll is still noted: "+d.Annotations[kube.AnnotationRoll])
	}
	return append(out, leftBehind(start.With(events...))...)
}

// leftBehind are the helper pods and the marks on nodes that are still there.
func leftBehind(s testkube.State) []string {
	var out []string
	for key, value := range s.Values {
		if strings.HasPrefix(key, "/registry/pods/") && bytes.Contains(value, []byte(kube.LabelHelper)) ||
			strings.HasPrefix(key, "/registry/minions/") && bytes.Contains(value, []byte(kube.AnnotationCordoned)) {
			out = append(out, key+" is left behind")
		}
	}
	slices.Sort(out)
	return out
}

// helps tells whether a name is that of a helper pod, which is none of the agents.
func helps(name string) bool {
	return strings.HasSuffix(name, "-pull") || strings.HasSuffix(name, "-fresh")
}

// asking is a call of addonctl that deleted a pod, or was to.
type asking struct{ pod, uid, version string }

func (a asking) String() string {
	return fmt.Sprintf("addonctl deleted Pod %s, UID %q, resourceVersion %q", a.pod, a.uid, a.version)
}

// podDeletes are the calls of the audit log by which addonctl deleted pods: whoever it says that it is, it is none of the cluster's own
// programs. What it did not delete, as the pod was another one or had changed, is none.
func (l *lab) podDeletes() []asking {
	l.tb.Helper()
	calls, _ := l.CallsFrom(l.tb, l.audit, func(c testkube.Call) bool {
		own := strings.HasPrefix(c.UserAgent, "kube-") || c.User.Username == "kwok"
		return strings.HasPrefix(c.Verb, "delete") && c.Object.Resource == "pods" && c.Response.Code < 300 && !own
	})
	var out []asking
	for _, c := range calls {
		var options metav1.DeleteOptions
		if json.Unmarshal(c.Request, &options) == nil && len(options.DryRun) > 0 || strings.Contains(c.URI, "dryRun=") {
			continue
		}
		a := asking{pod: c.URI}
		if c.Object.Name != "" {
			a.pod = c.Object.Name
		}
		if helps(a.pod) {
			continue
		}
		if p := options.Preconditions; p != nil {
			a.uid, a.version = pointed((*string)(p.UID)), pointed(p.ResourceVersion)
		}
		out = append(out, a)
	}
	return out
}

func pointed(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// history is what the witness of a roll knows of the agent at one revision, by keys.
type history struct {
	pods      map[string]*corev1.Pod
	revisions map[string]*appsv1.ControllerRevision
	// gone are the pods that were deleted, by UID, and nodes how often each lost one. Those in flight have no Ready agent since.
	gone     map[string]string
	nodes    map[string]int
	inFlight map[string]bool
	wrong    []string
}

// oneByOne replays what happened, change by change, and returns what a roll must not do: take a Ready agent from its node while another node
// has none, take any while another node is in flight, change a node twice, delete a pod of the newest revision, ask twice for one pod or
// without saying which one, or let anybody else delete one, such as the controller under another strategy.
func oneByOne(begin testkube.State, events []testkube.Event, asked []asking) []string {
	h := history{
		pods: map[string]*corev1.Pod{}, revisions: map[string]*appsv1.ControllerRevision{},
		gone: map[string]string{}, nodes: map[string]int{}, inFlight: map[string]bool{},
	}
	for key, value := range begin.Values {
		h.take(testkube.Event{Key: key, Value: value})
	}
	h.wrong = nil // how it came about is none of the roll's
	for _, e := range events {
		before, flying, lost := h.working(), len(h.inFlight), len(h.gone)
		h.take(e)
		working := h.working()
		maps.DeleteFunc(h.inFlight, func(node string, _ bool) bool { return working[node] })
		// An agent that stops being Ready by itself, as on a node that is starved of its heartbeat, is none of the roll's; and where one is
		// taken that was not Ready before, its node loses nothing.
		if len(h.gone) > lost && nodes-len(working) > 1 && (len(working) < len(before) || flying > 0) {
			h.say(e.Revision, "%d nodes have no Ready agent, when one more is taken from its node; those that have one: %v; the others: %s",
				nodes-len(working), slices.Sorted(maps.Keys(working)), h.idle())
		}
	}
	calls := map[string]int{}
	for _, a := range asked {
		calls[a.uid]++
		if _, gone := h.gone[a.uid]; !gone || a.version == "" || calls[a.uid] > 1 {
			h.wrong = append(h.wrong, a.String())
		}
	}
	for uid, pod := range h.gone {
		if calls[uid] == 0 {
			h.wrong = append(h.wrong, fmt.Sprintf("Pod %s, UID %s, was deleted by somebody else", pod, uid))
		}
	}
	return h.wrong
}

func (h *history) say(revision int64, format string, values ...any) {
	h.wrong = append(h.wrong, fmt.Sprintf("revision %d: ", revision)+fmt.Sprintf(format, values...))
}

// take follows a change.
func (h *history) take(e testkube.Event) {
	switch {
	case strings.HasPrefix(e.Key, "/registry/controllerrevisions/kube-system/"+agent+"-"):
		put(h.revisions, e)
	case helps(e.Key):
	case strings.HasPrefix(e.Key, "/registry/pods/kube-system/"+agent+"-"):
		was := h.pods[e.Key]
		put(h.pods, e)
		if is := h.pods[e.Key]; was != nil && was.DeletionTimestamp == nil && (is == nil || is.DeletionTimestamp != nil) {
			h.lose(e.Revision, was)
		}
	}
}

func put[T runtime.Object](all map[string]T, e testkube.Event) {
	delete(all, e.Key)
	if e.Value == nil {
		return
	}
	object, _, err := scheme.Codecs.UniversalDeserializer().Decode(e.Value, nil, nil)
	if o, ok := object.(T); err == nil && ok {
		all[e.Key] = o
	}
}

// lose notes that a pod was deleted.
func (h *history) lose(revision int64, p *corev1.Pod) {
	hash, node := p.Labels[appsv1.DefaultDaemonSetUniqueLabelKey], p.Spec.NodeName
	if hash == h.newest() {
		h.say(revision, "Pod %s on %s is of the newest revision, %s, and was deleted", p.Name, node, hash)
	}
	h.gone[string(p.UID)], h.inFlight[node] = p.Name, true
	if h.nodes[node]++; h.nodes[node] > 1 {
		h.say(revision, "%s was changed %d times", node, h.nodes[node])
	}
}

// newest is the hash of the newest revision of the template.
func (h *history) newest() string {
	var last *appsv1.ControllerRevision
	for _, r := range h.revisions {
		if last == nil || r.Revision > last.Revision {
			last = r
		}
	}
	if last == nil {
		return ""
	}
	return last.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]
}

// working are the nodes with a Ready agent that stays.
func (h *history) working() map[string]bool {
	out := map[string]bool{}
	for _, p := range h.pods {
		if p.DeletionTimestamp == nil && slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		}) {
			out[p.Spec.NodeName] = true
		}
	}
	return out
}

// idle says of each agent that is not Ready, or leaves, since when and why.
func (h *history) idle() string {
	working := h.working()
	var out []string
	for _, p := range h.pods {
		if working[p.Spec.NodeName] {
			continue
		}
		text := fmt.Sprintf("%s of %s", p.Spec.NodeName, p.CreationTimestamp.UTC().Format(time.TimeOnly))
		if t := p.DeletionTimestamp; t != nil {
			text += " leaves by " + t.UTC().Format(time.TimeOnly)
		}
		for _, c := range p.Status.Conditions {
			if c.Status != corev1.ConditionTrue {
				text += fmt.Sprintf(", %s=%s since %s %s", c.Type, c.Status, c.LastTransitionTime.UTC().Format(time.TimeOnly), c.Reason)
			}
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

// The controls of the witness of a roll: a history that is as it should be, and one for each thing that it has to notice.
func TestTheWitnessOfARollNoticesWhatItMustNotDo(t *testing.T) {
	t.Parallel()
	good := func(uid string) asking { return asking{"agent-of-" + uid, uid, "7"} }
	for name, c := range map[string]struct {
		events []testkube.Event
		asked  []asking
		says   string
	}{
		"two nodes one after the other":    {slices.Concat(changes("old-1", "1"), changes("old-2", "2")), []asking{good("old-1"), good("old-2")}, ""},
		"two nodes at a time":              {[]testkube.Event{gone("old-1"), gone("old-2")}, []asking{good("old-1"), good("old-2")}, "2 nodes have no Ready agent"},
		"an agent that fails by itself":    {[]testkube.Event{gone("old-1"), agentOn("2", "old-2", "old", false), agentOn("2", "old-2", "old", true), agentOn("1", "new-1", "new", true)}, []asking{good("old-1")}, ""},
		"and the next is taken":            {[]testkube.Event{agentOn("2", "old-2", "old", false), gone("old-1")}, []asking{good("old-1")}, "2 nodes have no Ready agent"},
		"one that was not Ready is taken":  {[]testkube.Event{agentOn("1", "old-1", "old", false), agentOn("2", "old-2", "old", false), gone("old-1")}, []asking{good("old-1")}, ""},
		"such a one beside one in flight":  {[]testkube.Event{gone("old-1"), agentOn("2", "old-2", "old", false), gone("old-2")}, []asking{good("old-1"), good("old-2")}, "2 nodes have no Ready agent"},
		"the next before the new is Ready": {[]testkube.Event{gone("old-1"), agentOn("1", "new-1", "new", false), gone("old-2")}, []asking{good("old-1"), good("old-2")}, "2 nodes have no Ready agent"},
		"a pod of the newest revision":     {append(changes("old-1", "1"), gone("new-1")), []asking{good("old-1"), good("new-1")}, "is of the newest revision"},
		"a node twice":                     {[]testkube.Event{gone("old-1"), agentOn("1", "again", "old", true), gone("again")}, []asking{good("old-1"), good("again")}, "1 was changed 2 times"},
		"a pod asked for twice":            {changes("old-1", "1"), []asking{good("old-1"), good("old-1")}, `addonctl deleted Pod agent-of-old-1, UID "old-1"`},
		"a pod that is not named":          {changes("old-1", "1"), []asking{{pod: "agent-of-old-1"}}, `UID ""`},
		"a pod of another one":             {changes("old-1", "1"), []asking{good("old-1"), good("x")}, `UID "x"`},
		"the controller replaces a pod":    {changes("old-1", "1"), nil, "was deleted by somebody else"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(oneByOne(beforeTheRoll(), c.events, c.asked), "\n")
			if c.says == "" && got != "" || !strings.Contains(got, c.says) {
				t.Errorf("says %q, want %q", got, c.says)
			}
		})
	}
}

// beforeTheRoll is a cluster with an agent on each node and a newer template.
func beforeTheRoll() testkube.State {
	s := testkube.State{Values: map[string][]byte{}}
	for i, hash := range []string{"old", "new"} {
		s.Values["/registry/controllerrevisions/kube-system/"+agent+"-"+hash] = encoded(&appsv1.ControllerRevision{
			TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ControllerRevision"},
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{appsv1.DefaultDaemonSetUniqueLabelKey: hash}}, Revision: int64(i),
		})
	}
	for i := range nodes {
		n := strconv.Itoa(i + 1)
		e := agentOn(n, "old-"+n, "old", true)
		s.Values[e.Key] = e.Value
	}
	return s
}

// changes are what happens when a node is changed.
func changes(old, node string) []testkube.Event {
	return []testkube.Event{gone(old), agentOn(node, "new-"+node, "new", false), agentOn(node, "new-"+node, "new", true)}
}

func gone(uid string) testkube.Event {
	return testkube.Event{Key: "/registry/pods/kube-system/" + agent + "-" + uid}
}

func agentOn(node, uid, hash string, ready bool) testkube.Event {
	p := &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: agent + "-" + uid, UID: types.UID(uid), Labels: map[string]string{appsv1.DefaultDaemonSetUniqueLabelKey: hash}},
		Spec:       corev1.PodSpec{NodeName: node},
	}
	if ready {
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	}
	return testkube.Event{Key: gone(uid).Key, Value: encoded(p)}
}

func encoded(o runtime.Object) []byte {
	data, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return data
}
