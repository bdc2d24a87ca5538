package sandbox

import (
	"errors"
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// faultyNode is where the faults are played; the other nodes are the control.
const faultyNode = "node-03"

// checkFaults plays each fault on one node of a DaemonSet.
func checkFaults(t *testing.T, s *Sandbox) {
	t.Helper()
	client, err := s.client()
	if err != nil {
		t.Fatal(err)
	}
	createAgent(t, client, "quay.example/agent:v1")
	eventually(t, allReady(t, client, 0))
	t.Run("a crash loop reaches running pods, restarts again and again, and heals", func(t *testing.T) {
		play(t, s, Fault{Name: "bad", Image: ":v1", Nodes: []string{faultyNode}, Mode: Crash})
		eventually(t, waitingFor(t, client, "CrashLoopBackOff", 2))
		othersReady(t, client)
		heal(t, s)
		eventually(t, allReady(t, client, 2))
	})
	t.Run("a pod without its image stays Pending, and heals", func(t *testing.T) {
		play(t, s, Fault{Name: "bad", Image: ":v1", Nodes: []string{faultyNode}, Mode: Pending})
		replace(t, client)
		eventually(t, waitingFor(t, client, "ImagePullBackOff", 0))
		othersReady(t, client)
		heal(t, s)
		eventually(t, allReady(t, client, 0))
	})
	t.Run("a slow pod is Ready late", func(t *testing.T) {
		play(t, s, Fault{Name: "bad", Image: ":v1", Nodes: []string{faultyNode}, Mode: Slow, Delay: 3 * time.Second})
		began := time.Now()
		replace(t, client)
		eventually(t, allReady(t, client, 0))
		if took := time.Since(began); took < 1900*time.Millisecond {
			t.Errorf("it was Ready after %s", took)
		}
		heal(t, s)
	})
	t.Run("another image is not touched", func(t *testing.T) {
		play(t, s, Fault{Name: "bad", Image: ":v2", Mode: Pending})
		replace(t, client)
		eventually(t, allReady(t, client, 0))
		heal(t, s)
	})
	t.Run("healing what is not played is an error", func(t *testing.T) {
		if err := s.Heal(t.Context(), "bad"); !errors.Is(err, ErrFaultNotFound) {
			t.Errorf("got %v", err)
		}
	})
}

func play(t *testing.T, s *Sandbox, f Fault) {
	t.Helper()
	if err := s.Play(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if st := status(t, s); len(st.Faults) != 1 {
		t.Errorf("the status shows faults %+v", st.Faults)
	}
}

func heal(t *testing.T, s *Sandbox) {
	t.Helper()
	if err := s.Heal(t.Context(), "bad"); err != nil {
		t.Fatal(err)
	}
}

// createAgent runs one pod per node, on the pod network.
func createAgent(t *testing.T, client kubernetes.Interface, image string) {
	t.Helper()
	labels := map[string]string{"app": "agent"}
	set := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "agent", Namespace: metav1.NamespaceSystem},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					InitContainers: []corev1.Container{{Name: "install", Image: "quay.example/install:v0"}},
					Containers:     []corev1.Container{{Name: "agent", Image: image}},
				},
			},
		},
	}
	if _, err := client.AppsV1().DaemonSets(set.Namespace).Create(t.Context(), set, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func agents(t *testing.T, client kubernetes.Interface) []corev1.Pod {
	t.Helper()
	list, err := client.CoreV1().Pods(metav1.NamespaceSystem).List(t.Context(), listOptions("app=agent"))
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func podReady(p corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// allReady wants five Ready pods with addresses of their own, the faulty node's with at least that many restarts.
func allReady(t *testing.T, client kubernetes.Interface, restarts int32) func() error {
	t.Helper()
	return func() error {
		addresses := map[string]bool{}
		for _, p := range agents(t, client) {
			if !podReady(p) || p.DeletionTimestamp != nil {
				continue
			}
			addresses[p.Status.PodIP] = true
			if p.Spec.NodeName == faultyNode && p.Status.ContainerStatuses[0].RestartCount < restarts {
				return fmt.Errorf("%s forgot its restarts", p.Name)
			}
		}
		if len(addresses) != 5 {
			return fmt.Errorf("ready pods have the addresses %v", addresses)
		}
		return nil
	}
}

// waitingFor wants the faulty node's pod not Ready, with the reason and at least that many restarts.
func waitingFor(t *testing.T, client kubernetes.Interface, reason string, restarts int32) func() error {
	t.Helper()
	return func() error {
		for _, p := range agents(t, client) {
			if p.Spec.NodeName != faultyNode || podReady(p) || len(p.Status.ContainerStatuses) == 0 {
				continue
			}
			c := p.Status.ContainerStatuses[0]
			crashed := c.LastTerminationState.Terminated != nil && c.LastTerminationState.Terminated.ExitCode == 1
			if c.State.Waiting != nil && c.State.Waiting.Reason == reason && c.RestartCount >= restarts && crashed == (restarts > 0) {
				return nil
			}
		}
		return fmt.Errorf("no pod of %s waits for %s", faultyNode, reason)
	}
}

// othersReady wants the pods of all nodes but the faulty one Ready without a restart, soon: they may just be replaced.
func othersReady(t *testing.T, client kubernetes.Interface) {
	t.Helper()
	eventually(t, func() error {
		ready := 0
		for _, p := range agents(t, client) {
			if p.Spec.NodeName != faultyNode && podReady(p) && p.Status.ContainerStatuses[0].RestartCount == 0 {
				ready++
			}
		}
		if ready != 4 {
			return fmt.Errorf("%d other pods are Ready", ready)
		}
		return nil
	})
}

// replace deletes all pods and waits until there are new ones only.
func replace(t *testing.T, client kubernetes.Interface) {
	t.Helper()
	old := map[string]bool{}
	for _, p := range agents(t, client) {
		old[p.Name] = true
	}
	err := client.CoreV1().Pods(metav1.NamespaceSystem).DeleteCollection(t.Context(), metav1.DeleteOptions{}, listOptions("app=agent"))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		pods := agents(t, client)
		for _, p := range pods {
			if old[p.Name] {
				return fmt.Errorf("%s is still there", p.Name)
			}
		}
		if len(pods) != 5 {
			return fmt.Errorf("%d new pods", len(pods))
		}
		return nil
	})
}
