package observe

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/noderoll"
)

func unstarted(reason string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Image: "a:1", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}}
}

func ranWith(id string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Image: "a:1", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 128, ContainerID: id}}}
}

// An image counts as there once a container of it could be made, whether or not it can run; and as not there as long as nothing tells.
func TestAnImageIsThereWhenAContainerOfItWasMade(t *testing.T) {
	t.Parallel()
	running := corev1.ContainerStatus{Image: "a:1", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	known := unstarted("ContainerCreating")
	known.ImageID = "a@sha256:1"
	for name, c := range map[string]struct {
		status corev1.PodStatus
		want   noderoll.Helper
	}{
		"nothing is known":                   {corev1.PodStatus{}, noderoll.Helper{}},
		"both run":                           {of(running, running), noderoll.Helper{Done: true}},
		"one runs, of the other nobody says": {of(running), noderoll.Helper{}},
		"the ID of an image is known":        {of(running, known), noderoll.Helper{Done: true}},
		"the command is not there":           {of(running, unstarted("RunContainerError")), noderoll.Helper{Done: true}},
		"the command was not there":          {of(running, ranWith("containerd://1")), noderoll.Helper{Done: true}},
		"a container was lost before it was": {of(running, ranWith("")), noderoll.Helper{Trouble: "a:1 is not there yet"}},
		"one is being pulled":                {of(running, unstarted("ContainerCreating")), noderoll.Helper{Trouble: "a:1 is not there yet"}},
		"one cannot be pulled":               {of(running, unstarted("ErrImagePull")), noderoll.Helper{Trouble: "a:1: ErrImagePull", Bad: true}},
		"one backs off":                      {of(unstarted("ImagePullBackOff"), running), noderoll.Helper{Trouble: "a:1: ImagePullBackOff", Bad: true}},
		"the kubelet refused the pod": {
			corev1.PodStatus{Phase: corev1.PodFailed, Reason: "OutOfcpu"}, noderoll.Helper{Trouble: "Pod p is Failed: OutOfcpu", Bad: true},
		},
		"they ran and ended": {
			corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{ranWith("x"), ranWith("y")}}, noderoll.Helper{Done: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.want.Purpose, c.want.Name = noderoll.Pull, "p"
			if diff := cmp.Diff(c.want, helper(helperOf("pull", c.status))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func of(all ...corev1.ContainerStatus) corev1.PodStatus {
	return corev1.PodStatus{PodIP: "10.0.0.1", ContainerStatuses: all}
}

func helperOf(purpose string, s corev1.PodStatus) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "p", Labels: map[string]string{kube.LabelHelper: purpose}},
		Spec:       corev1.PodSpec{Containers: make([]corev1.Container, 2)}, Status: s,
	}
}

// A fresh pod is of use when it has an address and is Ready. One without an address may still get one; one that ended will not.
func TestAFreshPodNeedsAnAddressAndReadiness(t *testing.T) {
	t.Parallel()
	ready := []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	for name, c := range map[string]struct {
		status corev1.PodStatus
		want   noderoll.Helper
	}{
		"nothing is known":    {corev1.PodStatus{}, noderoll.Helper{Trouble: "it has no address"}},
		"Ready, no address":   {corev1.PodStatus{Conditions: ready}, noderoll.Helper{Trouble: "it has no address"}},
		"address, not Ready":  {corev1.PodStatus{PodIP: "10.0.0.9"}, noderoll.Helper{Address: "10.0.0.9", Trouble: "it has the address 10.0.0.9 and is not Ready"}},
		"both":                {corev1.PodStatus{PodIP: "10.0.0.9", Conditions: ready}, noderoll.Helper{Address: "10.0.0.9", Done: true}},
		"its image is not to": {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{unstarted("ErrImagePull")}}, noderoll.Helper{Trouble: "it has no address: a:1: ErrImagePull", Bad: true}},
		"it is being made":    {corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{unstarted("ContainerCreating")}}, noderoll.Helper{Trouble: "it has no address"}},
		"it ended":            {corev1.PodStatus{PodIP: "10.0.0.9", Phase: corev1.PodSucceeded}, noderoll.Helper{Address: "10.0.0.9", Trouble: "it has the address 10.0.0.9 and is not Ready; Pod p is Succeeded", Bad: true}},
		"its time was up":     {corev1.PodStatus{Phase: corev1.PodFailed, Reason: "DeadlineExceeded"}, noderoll.Helper{Trouble: "it has no address; Pod p is Failed: DeadlineExceeded", Bad: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.want.Purpose, c.want.Name = noderoll.Fresh, "p"
			if diff := cmp.Diff(c.want, helper(helperOf("fresh", c.status))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What a drain has still to do is counted apart from what is on its way, and what keeps it is named.
func TestWhatIsLeftOfADrainIsCountedAndNamed(t *testing.T) {
	t.Parallel()
	pod := func(name, app string) corev1.Pod {
		return corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{"app": app}}}
	}
	gone := pod("gone", "web")
	gone.DeletionTimestamp = &metav1.Time{}
	budget := func(name, app string, allowed int32) policyv1.PodDisruptionBudget {
		return policyv1.PodDisruptionBudget{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
			Spec:       policyv1.PodDisruptionBudgetSpec{Selector: metav1.SetAsLabelSelector(map[string]string{"app": app})},
			Status:     policyv1.PodDisruptionBudgetStatus{DisruptionsAllowed: allowed},
		}
	}
	elsewhere := budget("elsewhere", "web", 0)
	elsewhere.Namespace = "other"
	var n noderoll.Node
	drained(&n, []corev1.Pod{pod("a", "web"), pod("b", "web"), pod("c", "free"), gone}, []corev1.Pod{pod("z", ""), pod("y", "")},
		[]policyv1.PodDisruptionBudget{budget("web", "web", 0), budget("free", "free", 1), elsewhere})
	want := noderoll.Node{
		Evictable: 3, Leaving: 1, Withheld: "PodDisruptionBudget default/web lets no pod go now",
		Stranded: "no controller would make these pods anew, so they are not evicted: default/y, default/z",
	}
	if diff := cmp.Diff(want, n); diff != "" {
		t.Error(diff)
	}
}

// Conditions that Kubernetes sets itself are nobody's gate.
func TestConditionsOfOthersAreToldInOrder(t *testing.T) {
	t.Parallel()
	got := foreign([]corev1.PodCondition{
		{Type: "Ready", Status: "True"},
		{Type: "example.com/Packets", Status: "False", Reason: "Lost"},
		{Type: "DataPlane", Status: "True", Message: "fine"},
		{Type: "PodScheduled", Status: "True"},
		{Type: "PodReadyToStartContainers", Status: "True"},
	})
	want := []noderoll.Condition{{Type: "DataPlane", Status: "True", Message: "fine"}, {Type: "example.com/Packets", Status: "False", Message: "Lost"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
