package sandbox

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Status is what a sandbox looks like from outside at one moment.
type Status struct {
	Name string `json:"name"`
	// Ready is true when Up has finished, every program runs and the API server says that it is ready.
	Ready bool `json:"ready"`
	// Complete is false while Up is under way, and for what a killed Up has left.
	Complete   bool            `json:"complete"`
	Kubernetes string          `json:"kubernetes"` // version, with its v
	Server     string          `json:"server"`
	Context    string          `json:"context"`
	Kubeconfig string          `json:"kubeconfig"` // path
	Folder     string          `json:"folder"`
	Created    time.Time       `json:"created"`
	Owner      int             `json:"owner,omitempty"` // process of an ephemeral sandbox
	Nodes      int             `json:"nodes"`           // zero when the API server does not answer
	ReadyNodes int             `json:"readyNodes"`
	Processes  []ProcessStatus `json:"processes"` // one per program, in the order of Programs
	Faults     []Fault         `json:"faults,omitempty"`
}

// ProcessStatus is one program of a sandbox.
type ProcessStatus struct {
	Program Program      `json:"program"`
	PID     int          `json:"pid,omitempty"`
	State   ProcessState `json:"state"`
	Log     string       `json:"log"` // path
}

// ProcessState is what a process does.
type ProcessState string

// The states of a process.
const (
	Running ProcessState = "Running"
	Paused  ProcessState = "Paused"
	Stopped ProcessState = "Stopped"
)

// statusTimeout is how long Status waits for an API server that does not answer.
const statusTimeout = 3 * time.Second

// Status looks at the processes and asks the API server. That a server does not answer is part of the status and no
// error.
func (s *Sandbox) Status(ctx context.Context) (Status, error) {
	st, err := readState(s.dir)
	if err != nil {
		return Status{}, err
	}
	processes, err := find(st.ID)
	if err != nil {
		return Status{}, err
	}
	status := Status{
		Name: st.Name, Complete: st.Complete, Kubernetes: st.Version, Server: s.URL(), Context: s.Context(),
		Kubeconfig: s.KubeconfigPath(), Folder: s.dir, Created: st.Created, Owner: st.Owner, Faults: st.Faults,
	}
	for _, p := range Programs() {
		status.Processes = append(status.Processes, s.processStatus(p, processes))
	}
	s.ask(ctx, &status)
	status.Ready = status.Ready && st.Complete && status.all(Running)
	return status, nil
}

func (s *Sandbox) processStatus(p Program, processes []process) ProcessStatus {
	status := ProcessStatus{Program: p, State: Stopped, Log: s.logPath(p)}
	i := slices.IndexFunc(processes, func(one process) bool { return one.program == p })
	if i < 0 {
		return status
	}
	status.PID, status.State = processes[i].pid, Running
	if processes[i].paused {
		status.State = Paused
	}
	return status
}

// ask fills what only the API server knows, if it runs and answers in time.
func (s *Sandbox) ask(ctx context.Context, status *Status) {
	if !status.all(Running, APIServer, Etcd) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	if s.answers(ctx, s.URL()+"/readyz") != nil {
		return
	}
	client, err := s.client()
	if err != nil {
		return
	}
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return
	}
	status.Ready = true
	status.Nodes = len(nodes.Items)
	for _, n := range nodes.Items {
		if conditionTrue(n, corev1.NodeReady) {
			status.ReadyNodes++
		}
	}
}

// all says whether the programs, or every program when none is named, are in the state.
func (s Status) all(state ProcessState, programs ...Program) bool {
	for _, p := range s.Processes {
		if (len(programs) == 0 || slices.Contains(programs, p.Program)) && p.State != state {
			return false
		}
	}
	return true
}

// missing are the programs that none of the processes is.
func missing(processes []process) []Program {
	return slices.DeleteFunc(Programs(), func(p Program) bool {
		return slices.ContainsFunc(processes, func(one process) bool { return one.program == p })
	})
}
