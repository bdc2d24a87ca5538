package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// runs is how often a command may be run until it succeeds.
const runs = 8

// trouble is a kind of fault.
type trouble struct {
	name string
	// weight is how often it is drawn.
	weight int
	// record is true when it hurts the record of the release, which no command brings back.
	record bool
	make   func(l *lab) testkube.Fault
}

var troubles = []trouble{
	{name: "500", weight: 3, make: always(testkube.Instead(http.StatusInternalServerError, metav1.StatusReasonInternalError, 0))},
	{name: "503", weight: 3, make: always(testkube.Instead(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, 0))},
	{name: "409", weight: 3, make: always(testkube.Instead(http.StatusConflict, metav1.StatusReasonConflict, 0))},
	{name: "429 with a wait", weight: 3, make: always(testkube.Instead(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests, time.Second))},
	{name: "504 for what was done", weight: 3, make: always(testkube.InsteadAfter(http.StatusGatewayTimeout, metav1.StatusReasonTimeout))},
	{name: "cut", weight: 3, make: always(testkube.Cut)},
	{name: "cut after it was done", weight: 3, make: always(testkube.CutAfter(func() {}))},
	{name: "torn after it was done", weight: 2, make: always(testkube.Tear)},
	{name: "half-open", weight: 1, make: func(l *lab) testkube.Fault { return l.proxy.HalfOpen() }},
	{name: "API server restart", weight: 2, make: func(l *lab) testkube.Fault { return testkube.Before(l.restart) }},
	{name: "etcd paused", weight: 2, make: func(l *lab) testkube.Fault { return testkube.Before(l.pauseEtcd) }},
	{name: "Lease deleted", weight: 2, make: func(l *lab) testkube.Fault { return testkube.Before(l.dropLease) }},
	{name: "Lease stolen", weight: 1, make: func(l *lab) testkube.Fault { return testkube.Before(l.stealLease) }},
	{name: "release Secret corrupted", weight: 1, record: true, make: func(l *lab) testkube.Fault { return testkube.Before(l.corrupt) }},
	{name: "release Secret removed", weight: 1, record: true, make: func(l *lab) testkube.Fault { return testkube.Before(l.removeRecord) }},
}

func always(f testkube.Fault) func(*lab) testkube.Fault {
	return func(*lab) testkube.Fault { return f }
}

// faults plays schedules: an operation with one to three faults at calls of it, all drawn from the seed. The command is run until
// it succeeds.
func (b *bench) faults(t *testing.T) {
	var work []func(*lab)
	for i := range *schedules {
		if *only >= 0 {
			i = *only
		}
		work = append(work, func(l *lab) { l.play(i, b) })
		if *only >= 0 {
			break
		}
	}
	began := time.Now()
	b.spread(t, work)
	t.Logf("%d schedules of seed %d, %s", len(work), *seed, time.Since(began).Round(time.Second))
}

// event of a schedule.
type event struct {
	at int
	trouble
}

// draw makes schedule i of the seed.
func (b *bench) draw(i int) (o operation, events []event) {
	r := random(strconv.Itoa(i))
	o = operations[r.IntN(len(operations))]
	for range 1 + r.IntN(3) {
		e := event{1 + r.IntN(b.calls[o.name]), pickTrouble(r)}
		if e.record && o.name != "install" && o.name != "update" {
			e.trouble = troubles[0] // the others begin from the record
		}
		events = append(events, e)
	}
	slices.SortFunc(events, func(a, b event) int { return a.at - b.at })
	return o, events
}

func pickTrouble(r *rand.Rand) trouble {
	total := 0
	for _, t := range troubles {
		total += t.weight
	}
	n := r.IntN(total)
	for _, t := range troubles {
		if n -= t.weight; n < 0 {
			return t
		}
	}
	return troubles[0]
}

// play plays schedule i.
func (l *lab) play(i int, b *bench) {
	l.tb.Helper()
	o, events := b.draw(i)
	names := make([]string, 0, len(events))
	for _, e := range events {
		names = append(names, fmt.Sprintf("%s at call %d", e.name, e.at))
	}
	what := fmt.Sprintf("schedule %d: %s with %s", i, o.name, strings.Join(names, ", "))
	start, failed, problem := l.suffer(o, events, b.wanted[o.name])
	for range attempts {
		if problem == "" || !l.uneasy(start) {
			break
		}
		l.tb.Logf("%s: the controller was not at rest before, so again", what)
		start, failed, problem = l.suffer(o, events, b.wanted[o.name])
	}
	if problem != "" {
		l.tb.Errorf("%s:\n%s\nthe runs that failed: %s", what, problem, strings.Join(failed, "\n"))
		return
	}
	if testing.Verbose() {
		l.tb.Logf("%s: %d runs", what, len(failed)+1)
	}
}

// suffer runs an operation with faults until it succeeds, and tells where it began, which runs failed, and what is wrong in the end.
func (l *lab) suffer(o operation, events []event, want outcome) (start testkube.State, failed []string, problem string) {
	l.tb.Helper()
	start = l.begin(o)
	plan := map[int]testkube.Fault{}
	differs := outcome.difference
	for _, e := range events {
		plan[e.at] = e.make(l)
		if e.record {
			differs = outcome.live
		}
	}
	l.proxy.Plan(testkube.At(plan)) // counting goes on over all runs
	succeeded := false
	for n := 0; n < runs && !succeeded; n++ {
		c := l.start("", o.args...)
		succeeded = c.wait() == 0 || n > 0 && o.ended(c)
		if !succeeded {
			failed = append(failed, c.String())
			l.mend(c)
		}
	}
	l.proxy.Plan(nil)
	if !succeeded {
		return start, failed, fmt.Sprintf("not done after %d runs", runs)
	}
	return start, failed, l.judge(o, start, want, differs)
}

// mend does what the command has asked for, and waits a moment.
func (l *lab) mend(c *command) {
	l.tb.Helper()
	if strings.Contains(c.err.String(), "cannot be decoded") {
		l.each(func(name string, data []byte) {
			if string(data) == "x" {
				l.deleteSecret(name)
			}
		})
	}
	time.Sleep(time.Second)
}

// each visits the release Secrets, oldest first.
func (l *lab) each(do func(name string, data []byte)) {
	ctx, cancel := l.brief()
	defer cancel()
	list, err := l.Client().CoreV1().Secrets(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{LabelSelector: "owner=helm"})
	if err != nil {
		return
	}
	for _, s := range list.Items {
		do(s.Name, s.Data["release"])
	}
}

// brief bounds what a fault does.
func (l *lab) brief() (context.Context, context.CancelFunc) {
	return context.WithTimeout(l.tb.Context(), 20*time.Second)
}

func (l *lab) restart() {
	ctx, cancel := context.WithTimeout(l.tb.Context(), time.Minute)
	defer cancel()
	if err := l.Restart(ctx, sandbox.APIServer); err != nil {
		l.tb.Errorf("restarting the API server: %v", err)
	}
}

func (l *lab) pauseEtcd() {
	if err := l.Pause(sandbox.Etcd); err != nil {
		l.tb.Errorf("pausing etcd: %v", err)
		return
	}
	var resumed sync.WaitGroup
	resumed.Go(func() {
		time.Sleep(3 * time.Second)
		if err := l.Resume(sandbox.Etcd); err != nil {
			l.tb.Errorf("resuming etcd: %v", err)
		}
	})
	l.tb.Cleanup(resumed.Wait)
}

func (l *lab) dropLease() {
	ctx, cancel := l.brief()
	defer cancel()
	_ = l.Client().CoordinationV1().Leases(metav1.NamespaceSystem).Delete(ctx, "addonctl", metav1.DeleteOptions{}) // there may be none yet
}

func (l *lab) stealLease() {
	ctx, cancel := l.brief()
	defer cancel()
	leases := l.Client().CoordinationV1().Leases(metav1.NamespaceSystem)
	lease, err := leases.Get(ctx, "addonctl", metav1.GetOptions{})
	if err != nil {
		return // there is none yet
	}
	thief, now := "thief", metav1.NowMicro()
	lease.Spec.HolderIdentity, lease.Spec.RenewTime = &thief, &now
	if epoch, err := strconv.Atoi(lease.Annotations["addonctl.io/epoch"]); err == nil {
		lease.Annotations["addonctl.io/epoch"] = strconv.Itoa(epoch + 1)
	}
	_, _ = leases.Update(ctx, lease, metav1.UpdateOptions{}) // the holder may have been faster
}

// corrupt makes the newest release Secret unreadable.
func (l *lab) corrupt() {
	ctx, cancel := l.brief()
	defer cancel()
	secrets := l.Client().CoreV1().Secrets(metav1.NamespaceSystem)
	newest := ""
	l.each(func(name string, _ []byte) { newest = name })
	if s, err := secrets.Get(ctx, newest, metav1.GetOptions{}); newest != "" && err == nil {
		s.Data["release"] = []byte("x")
		_, _ = secrets.Update(ctx, s, metav1.UpdateOptions{})
	}
}

func (l *lab) removeRecord() {
	newest := ""
	l.each(func(name string, _ []byte) { newest = name })
	if newest != "" {
		l.deleteSecret(newest)
	}
}

func (l *lab) deleteSecret(name string) {
	ctx, cancel := l.brief()
	defer cancel()
	_ = l.Client().CoreV1().Secrets(metav1.NamespaceSystem).Delete(ctx, name, metav1.DeleteOptions{})
}

// live compares what runs when the record was hurt: everything but who recorded what when.
func (o outcome) live(want outcome) string { return o.running().difference(want.running()) }

func (o outcome) running() outcome {
	out := outcome{}
	for key, v := range o {
		switch {
		case strings.HasPrefix(key, "/registry/secrets/"), strings.HasPrefix(key, "/registry/addonctl.io/"), strings.HasPrefix(key, "/registry/controllerrevisions/"):
		case strings.HasPrefix(key, "/registry/pods/"):
			pod, _ := v.(map[string]any)
			out[key] = fmt.Sprint(pod["image"], pod["phase"], pod["ready"])
		default:
			out[key] = unnumbered(v)
		}
	}
	return out
}

// unnumbered drops what carries the number of a revision.
func unnumbered(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := map[string]any{}
	for k, inner := range m {
		switch k {
		case "managedFields", "generation", "observedGeneration", "addonctl.io/revision", "addonctl.io/render", appsv1.DeprecatedTemplateGeneration:
		default:
			out[k] = unnumbered(inner)
		}
	}
	return out
}
