package observe

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/addonctl/addonctl/pkg/noderoll"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func waiting(reason string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}
}

func exited(code int32) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}
}

var isRunning = corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}

func TestAContainersTroubleIsToldWithWhetherItWillPass(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status corev1.ContainerStatus
		want   string
		bad    bool
	}{
		"it runs":                              {corev1.ContainerStatus{State: isRunning}, "", false},
		"nothing is known":                     {corev1.ContainerStatus{}, "", false},
		"it is being made":                     {corev1.ContainerStatus{State: waiting("ContainerCreating")}, "", false},
		"it waits for init containers":         {corev1.ContainerStatus{State: waiting("PodInitializing")}, "", false},
		"it waits without a reason":            {corev1.ContainerStatus{State: waiting("")}, "", false},
		"it waits for a reason we do not know": {corev1.ContainerStatus{State: waiting("Whatever")}, "Whatever", false},
		"a crash loop in its back-off":         {corev1.ContainerStatus{State: waiting("CrashLoopBackOff"), RestartCount: 4, LastTerminationState: exited(1)}, "CrashLoopBackOff", true},
		"an image that cannot be pulled":       {corev1.ContainerStatus{State: waiting("ErrImagePull")}, "ErrImagePull", true},
		"an image that backs off":              {corev1.ContainerStatus{State: waiting("ImagePullBackOff")}, "ImagePullBackOff", true},
		"configuration that is missing":        {corev1.ContainerStatus{State: waiting("CreateContainerConfigError")}, "CreateContainerConfigError", true},
		"a program that is missing":            {corev1.ContainerStatus{State: waiting("RunContainerError")}, "RunContainerError", true},
		"it ended well":                        {corev1.ContainerStatus{State: exited(0)}, "", false},
		"it has just crashed":                  {corev1.ContainerStatus{State: exited(2)}, "exited with code 2", false},
		"a crash loop in its first running moment": {
			corev1.ContainerStatus{State: isRunning, RestartCount: 1, LastTerminationState: exited(1)}, "restarted after exit code 1", false,
		},
		"a crash loop in a later running moment": {
			corev1.ContainerStatus{State: isRunning, RestartCount: 2, LastTerminationState: exited(137)}, "restarted after exit code 137", true,
		},
		"a crash loop of a program that ends well": {
			corev1.ContainerStatus{State: isRunning, RestartCount: 2, LastTerminationState: exited(0)}, "restarted after exit code 0", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, bad := containerTrouble(c.status)
			if got != c.want || bad != c.bad {
				t.Errorf("trouble = %q, bad %t; want %q, %t", got, bad, c.want, c.bad)
			}
		})
	}
}

// aPod has been Ready since noon, and what a row changes.
func aPod(change func(*corev1.Pod)) *corev1.Pod {
	start := metav1.NewTime(noon.Add(-time.Minute))
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "p", UID: "u", Labels: map[string]string{"controller-revision-hash": "hash"}},
		Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{{Name: "install-cni", Image: "x:v9"}},
			Containers:     []corev1.Container{{Name: "sidecar", Image: "y:v8"}, {Name: "kube-flannel", Image: "ghcr.io/flannel-io/flannel:v0.27.3"}},
		},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, StartTime: &start,
			Conditions: []corev1.PodCondition{
				{Type: corev1.ContainersReady, Status: corev1.ConditionTrue},
				{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(noon)},
			},
			InitContainerStatuses: []corev1.ContainerStatus{{Name: "install-cni", State: exited(0)}},
			ContainerStatuses:     []corev1.ContainerStatus{{Name: "sidecar", State: isRunning}, {Name: "kube-flannel", State: isRunning}},
		},
	}
	change(p)
	return p
}

// read is what is read of that pod, and what a row changes.
func read(change func(*noderoll.Pod)) *noderoll.Pod {
	p := &noderoll.Pod{
		Name: "p", UID: "u", Revision: "hash", Version: "0.27.3", Image: "ghcr.io/flannel-io/flannel:v0.27.3",
		Ready: true, ReadySince: noon, Available: true, Started: noon.Add(-time.Minute),
	}
	change(p)
	return p
}

func unready(p *corev1.Pod) { p.Status.Conditions[1].Status = corev1.ConditionFalse }

func TestWhatIsReadOfAPod(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pod *corev1.Pod
		// after noon that it is looked at; a pod is available 5 s after it became Ready.
		after time.Duration
		want  *noderoll.Pod
	}{
		"Ready for long enough":          {aPod(func(*corev1.Pod) {}), 5 * time.Second, read(func(*noderoll.Pod) {})},
		"Ready, not for long enough":     {aPod(func(*corev1.Pod) {}), 5*time.Second - 1, read(func(p *noderoll.Pod) { p.Available = false })},
		"Ready by a clock that is ahead": {aPod(func(*corev1.Pod) {}), -time.Minute, read(func(p *noderoll.Pod) { p.Available = false })},
		"not Ready":                      {aPod(unready), time.Hour, read(func(p *noderoll.Pod) { p.Ready, p.Available = false, false })},
		"just made": {
			aPod(func(p *corev1.Pod) { p.Status = corev1.PodStatus{} }), 0,
			read(func(p *noderoll.Pod) {
				p.Ready, p.Available, p.Started, p.ReadySince = false, false, time.Time{}, time.Time{}
			}),
		},
		"being deleted": {
			aPod(func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: noon} }), time.Hour,
			read(func(p *noderoll.Pod) { p.Terminating = true }),
		},
		"without the add-on's container": {
			aPod(func(p *corev1.Pod) { p.Spec.Containers[1].Name = "x" }), time.Hour, read(func(p *noderoll.Pod) { p.Version, p.Image = "", "" }),
		},
		"a crash loop in the moment that it is Ready": {
			aPod(func(p *corev1.Pod) {
				p.Status.ContainerStatuses[1].RestartCount, p.Status.ContainerStatuses[1].LastTerminationState = 3, exited(1)
			}), time.Second,
			read(func(p *noderoll.Pod) {
				p.Available, p.Restarts, p.Trouble, p.Bad = false, 3, "kube-flannel: restarted after exit code 1", true
			}),
		},
		"restarts of long ago are counted and no trouble": {
			aPod(func(p *corev1.Pod) {
				p.Status.ContainerStatuses[1].RestartCount, p.Status.ContainerStatuses[1].LastTerminationState = 3, exited(1)
			}), time.Hour, read(func(p *noderoll.Pod) { p.Restarts = 3 }),
		},
		"a crash loop in its back-off": {
			aPod(func(p *corev1.Pod) {
				unready(p)
				p.Status.ContainerStatuses[1] = corev1.ContainerStatus{
					Name: "kube-flannel", State: waiting("CrashLoopBackOff"), RestartCount: 2, LastTerminationState: exited(1),
				}
			}), time.Hour,
			read(func(p *noderoll.Pod) {
				p.Ready, p.Available, p.Restarts, p.Trouble, p.Bad = false, false, 2, "kube-flannel: CrashLoopBackOff", true
			}),
		},
		"an init container that cannot start": {
			aPod(func(p *corev1.Pod) {
				unready(p)
				p.Status.Phase = corev1.PodPending
				p.Status.InitContainerStatuses[0].State = waiting("ImagePullBackOff")
				p.Status.ContainerStatuses[0].State, p.Status.ContainerStatuses[1].State = waiting("PodInitializing"), waiting("PodInitializing")
			}), time.Hour,
			read(func(p *noderoll.Pod) {
				p.Ready, p.Available, p.Trouble, p.Bad = false, false, "install-cni: ImagePullBackOff", true
			}),
		},
		"evicted": {
			aPod(func(p *corev1.Pod) {
				unready(p)
				p.Status.Phase, p.Status.Reason, p.Status.ContainerStatuses = corev1.PodFailed, "Evicted", nil
			}), time.Hour,
			read(func(p *noderoll.Pod) { p.Ready, p.Available, p.Trouble, p.Bad = false, false, "Failed: Evicted", true }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, pod(c.pod, "kube-flannel", noon.Add(c.after), 5)); diff != "" {
				t.Errorf("pod (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatARollMustKnowOfANode(t *testing.T) {
	t.Parallel()
	got := node(&corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "n"}, Spec: corev1.NodeSpec{Unschedulable: true},
		Status: corev1.NodeStatus{
			NodeInfo: corev1.NodeSystemInfo{BootID: "b"},
			Conditions: []corev1.NodeCondition{
				{Type: corev1.NodeDiskPressure, Status: corev1.ConditionFalse, LastTransitionTime: metav1.NewTime(noon.Add(time.Hour))},
				{Type: corev1.NodeReady, Status: corev1.ConditionUnknown, LastTransitionTime: metav1.NewTime(noon)},
			},
		},
	})
	if diff := cmp.Diff(noderoll.Node{Name: "n", Cordoned: true, BootID: "b", ReadySince: noon}, got); diff != "" {
		t.Errorf("node (-want +got):\n%s", diff)
	}
}

// A selector that says nothing, or that cannot be read, makes no node a canary: the empty one would make all of them so.
func TestCanariesAreThoseThatTheSelectorMatches(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"": false, "canary=yes": true, "canary": true, "canary!=yes": false, "canary in (yes,no),!x": true, "canary = = yes": false, "!!": false,
	} {
		if got := canaries(text).Matches(labels.Set{"canary": "yes"}); got != want {
			t.Errorf("%q matches: %t, want %t", text, got, want)
		}
	}
}

func TestWithoutMinReadySecondsReadyIsAvailable(t *testing.T) {
	t.Parallel()
	if got := pod(aPod(func(*corev1.Pod) {}), "kube-flannel", noon.Add(-time.Hour), 0); !got.Available {
		t.Errorf("got %+v", got)
	}
}

func TestOfSeveralPodsOnANodeTheNewestThatStaysCounts(t *testing.T) {
	t.Parallel()
	made := func(name string, age time.Duration, deleted bool) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(noon.Add(-age))}}
		if deleted {
			p.DeletionTimestamp = &metav1.Time{Time: noon}
		}
		return p
	}
	all := []*corev1.Pod{
		made("newer, going", time.Minute, true), made("old", time.Hour, false), made("oldest, going", 2*time.Hour, true), made("new", 2*time.Minute, false),
	}
	slices.SortFunc(all, newestLast)
	var got []string
	for _, p := range all {
		got = append(got, p.Name)
	}
	if diff := cmp.Diff([]string{"oldest, going", "newer, going", "old", "new"}, got); diff != "" {
		t.Errorf("the last one counts (-want +got):\n%s", diff)
	}
}

func TestANodeIsInThePoolThatItsFirstPoolLabelNames(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		labels map[string]string
		want   string
	}{
		"none":               {nil, ""},
		"ours":               {map[string]string{"addonctl.io/pool": "a", "oke.oraclecloud.com/pool.name": "b", "name": "c"}, "a"},
		"OKE's":              {map[string]string{"oke.oraclecloud.com/pool.name": "b", "name": "c"}, "b"},
		"what Terraform set": {map[string]string{"name": "c"}, "c"},
		"an empty one":       {map[string]string{"addonctl.io/pool": "", "name": "c"}, "c"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := node(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Labels: c.labels}}).Pool; got != c.want {
				t.Errorf("pool = %q, want %q", got, c.want)
			}
		})
	}
}

func TestANodeWhoseReadinessIsUnknownIsNotReady(t *testing.T) {
	t.Parallel()
	for status, want := range map[corev1.ConditionStatus]bool{corev1.ConditionTrue: true, corev1.ConditionFalse: false, corev1.ConditionUnknown: false} {
		n := &corev1.Node{Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{
			{Type: corev1.NodeReady, Status: status}, {Type: corev1.NodeMemoryPressure, Status: corev1.ConditionTrue},
		}}}
		if got := node(n).Ready; got != want {
			t.Errorf("%s: ready = %t", status, got)
		}
	}
	if node(&corev1.Node{}).Ready {
		t.Error("a node without conditions is Ready")
	}
}

// The other test asks the real controller; this one has the taints that a cluster does not keep.
func TestATaintThatIsNotToleratedExemptsANode(t *testing.T) {
	t.Parallel()
	taint := func(key, value string, effect corev1.TaintEffect) *corev1.Node {
		return &corev1.Node{Spec: corev1.NodeSpec{Taints: []corev1.Taint{{Key: key, Value: value, Effect: effect}}}}
	}
	only := corev1.PodSpec{Tolerations: []corev1.Toleration{
		{Key: "a", Operator: corev1.TolerationOpEqual, Value: "1", Effect: corev1.TaintEffectNoSchedule},
		{Key: "b", Operator: corev1.TolerationOpExists},
		{Key: "c", Value: "1"},
	}}
	host := corev1.PodSpec{HostNetwork: true}
	for name, c := range map[string]struct {
		node *corev1.Node
		pod  corev1.PodSpec
		want string
	}{
		"no taint":                        {&corev1.Node{}, only, ""},
		"one that nobody tolerates":       {taint("x", "1", corev1.TaintEffectNoSchedule), only, "taint x:NoSchedule"},
		"one that only prefers":           {taint("x", "1", corev1.TaintEffectPreferNoSchedule), only, ""},
		"key, value and effect tolerated": {taint("a", "1", corev1.TaintEffectNoSchedule), only, ""},
		"another value":                   {taint("a", "2", corev1.TaintEffectNoSchedule), only, "taint a:NoSchedule"},
		"another effect":                  {taint("a", "1", corev1.TaintEffectNoExecute), only, "taint a:NoExecute"},
		"a key with any value":            {taint("b", "7", corev1.TaintEffectNoExecute), only, ""},
		"a key without an operator":       {taint("c", "1", corev1.TaintEffectNoExecute), only, ""},
		"that key with another value":     {taint("c", "2", corev1.TaintEffectNoExecute), only, "taint c:NoExecute"},
		"not ready":                       {taint("node.kubernetes.io/not-ready", "", corev1.TaintEffectNoExecute), only, ""},
		"unreachable":                     {taint("node.kubernetes.io/unreachable", "", corev1.TaintEffectNoExecute), only, ""},
		"under memory pressure":           {taint("node.kubernetes.io/memory-pressure", "", corev1.TaintEffectNoSchedule), only, ""},
		"under disk pressure":             {taint("node.kubernetes.io/disk-pressure", "", corev1.TaintEffectNoSchedule), only, ""},
		"short of process numbers":        {taint("node.kubernetes.io/pid-pressure", "", corev1.TaintEffectNoSchedule), only, ""},
		"cordoned":                        {taint("node.kubernetes.io/unschedulable", "", corev1.TaintEffectNoSchedule), only, ""},
		"without a network":               {taint("node.kubernetes.io/network-unavailable", "", corev1.TaintEffectNoSchedule), host, ""},
		"without a network, for a pod that needs it": {
			taint("node.kubernetes.io/network-unavailable", "", corev1.TaintEffectNoSchedule), only, "taint node.kubernetes.io/network-unavailable:NoSchedule",
		},
		"not yet known to its cloud": {
			taint("node.cloudprovider.kubernetes.io/uninitialized", "true", corev1.TaintEffectNoSchedule), host,
			"taint node.cloudprovider.kubernetes.io/uninitialized:NoSchedule",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := exempt(c.node, &c.pod); got != c.want {
				t.Errorf("exempt = %q, want %q", got, c.want)
			}
		})
	}
}
