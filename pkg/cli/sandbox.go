package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/sandbox"
)

func (a *app) sandboxCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "sandbox",
		Short: "Run a real control plane with simulated nodes on this machine, to try things on",
		Long: `Starts etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok on loopback. The DaemonSet controller is
the real one, the nodes are simulated: they run no containers and carry no packets. "make sandbox" builds the programs.

With VCN-native, npn-controller plays Oracle's controller: each node gets a NativePodNetwork, which is SUCCESS a moment later. A node's
annotation addonctl.io/sandbox-npn=BACKOFF/FailedToCreatePrivateIP makes it say that, until the annotation is taken off.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.sandboxUp(), a.sandboxStatus(), a.sandboxKubeconfig(), a.sandboxKubectl(), a.sandboxFault(), a.sandboxDown())
	return c
}

func sandboxName(c *cobra.Command, name *string) {
	c.Flags().StringVar(name, "name", sandbox.DefaultName, "name of the sandbox")
	_ = c.RegisterFlagCompletionFunc("name", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		all, _ := sandbox.List()
		var out []string
		for _, s := range all {
			out = append(out, s.Name())
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	})
}

// sandboxError says what to do next.
func sandboxError(err error, name string) error {
	down := "addonctl sandbox down --name " + name
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sandbox.ErrNotFound):
		return &exit{exitFailure, err, "addonctl sandbox up --name " + name + " starts one; addonctl sandbox status lists what there is"}
	case errors.Is(err, sandbox.ErrRunning):
		return &exit{exitFailure, err, "addonctl sandbox status --name " + name + " shows it, " + down + " ends it"}
	case errors.Is(err, sandbox.ErrIncomplete):
		return &exit{exitFailure, err, down + " cleans it"}
	default:
		return err
	}
}

func (a *app) sandboxUp() *cobra.Command {
	o := sandbox.Options{}
	c := &cobra.Command{
		Use:   "up",
		Short: "Start a sandbox",
		Args:  noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.Nodes < 0 || o.Nodes > sandbox.MaxNodes {
				return usage(fmt.Sprintf("0 to %d", sandbox.MaxNodes), "--nodes %d: a sandbox has room for %d nodes", o.Nodes, sandbox.MaxNodes)
			}
			o.Progress = a.note
			s, err := sandbox.Up(c.Context(), o)
			if err != nil {
				return sandboxError(err, o.Name)
			}
			st, err := s.Status(c.Context())
			if err != nil {
				return err
			}
			a.note(fmt.Sprintf("use it with --context %s, or: export KUBECONFIG=%s", st.Context, st.Kubeconfig))
			return a.print(sandboxReport{[]sandbox.Status{st}})
		},
	}
	sandboxName(c, &o.Name)
	c.Flags().IntVar(&o.Nodes, "nodes", sandbox.DefaultNodes, "number of simulated nodes")
	c.Flags().StringVar(&o.Kubernetes, "kubernetes", sandbox.DefaultKubernetes, "Kubernetes minor")
	_ = c.RegisterFlagCompletionFunc("kubernetes", fixed(sandbox.Minors()...))
	return c
}

// sandboxReport is the result of `sandbox up` and `sandbox status`.
type sandboxReport struct {
	Items []sandbox.Status `json:"sandboxes"`
}

func (r sandboxReport) name() string {
	var out []string
	for _, s := range r.Items {
		out = append(out, "sandbox/"+s.Name)
	}
	return strings.Join(out, "\n")
}

func (r sandboxReport) table(w io.Writer, wide bool) {
	rows := [][]string{{"SANDBOX", "READY", "KUBERNETES", "NODES", "SERVER", "CONTEXT"}}
	for _, s := range r.Items {
		ready := "no"
		switch {
		case s.Ready:
			ready = "yes"
		case !s.Complete:
			ready = "incomplete"
		}
		rows = append(rows, []string{s.Name, ready, s.Kubernetes, fmt.Sprintf("%d/%d", s.ReadyNodes, s.Nodes), s.Server, s.Context})
	}
	columns(w, rows...)
	if !wide {
		return
	}
	rows = [][]string{{"SANDBOX", "PROGRAM", "STATE", "PID", "LOG"}}
	for _, s := range r.Items {
		for _, p := range s.Processes {
			rows = append(rows, []string{s.Name, string(p.Program), string(p.State), fmt.Sprint(p.PID), p.Log})
		}
	}
	columns(w, rows...)
}

func (a *app) sandboxStatus() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use: "status", Short: "List the sandboxes, or show one", Args: noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			all, err := sandbox.List()
			if c.Flags().Changed("name") {
				var s *sandbox.Sandbox
				s, err = sandbox.Open(name)
				all = []*sandbox.Sandbox{s}
			}
			if err != nil {
				return sandboxError(err, name)
			}
			r := sandboxReport{Items: []sandbox.Status{}}
			for _, s := range all {
				st, err := s.Status(c.Context())
				if err != nil {
					return err
				}
				r.Items = append(r.Items, st)
			}
			return a.print(r)
		},
	}
	sandboxName(c, &name)
	return c
}

func (a *app) sandboxKubeconfig() *cobra.Command {
	var name string
	var path bool
	c := &cobra.Command{
		Use: "kubeconfig", Short: "Print a sandbox's kubeconfig", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			s, err := sandbox.Open(name)
			if err != nil {
				return sandboxError(err, name)
			}
			if path {
				_, err = fmt.Fprintln(a.Out, s.KubeconfigPath())
				return err
			}
			data, err := s.Kubeconfig()
			if err != nil {
				return err
			}
			_, err = a.Out.Write(data)
			return err
		},
	}
	sandboxName(c, &name)
	c.Flags().BoolVar(&path, "path", false, "print the path of the file instead")
	return c
}

func (a *app) sandboxKubectl() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use:     "kubectl -- ARGUMENTS",
		Short:   "Run the built-in kubectl on a sandbox",
		Example: "  addonctl sandbox kubectl -- get nodes",
		Args:    cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			s, err := sandbox.Open(name)
			if err != nil {
				return sandboxError(err, name)
			}
			k := s.Kubectl(c.Context(), args...)
			k.Stdin, k.Stdout, k.Stderr = a.In, a.Out, a.Err
			k.Env = os.Environ()
			err = k.Run()
			if failed, ok := errors.AsType[*exec.ExitError](err); ok {
				return &exit{code: failed.ExitCode(), err: fmt.Errorf("kubectl ended with exit code %d", failed.ExitCode())}
			}
			return err
		},
	}
	sandboxName(c, &name)
	return c
}

func (a *app) sandboxFault() *cobra.Command {
	var name, mode string
	f := sandbox.Fault{}
	var heal bool
	c := &cobra.Command{
		Use:   "fault --image :v0.27.3 --node node-07 --mode crash",
		Short: "Make the pods of an image behave badly on some nodes, or heal them",
		Long: `Plays a bad release: pods whose image contains --image, on the nodes given (all when none is), crash in a loop, stay
Pending as if the image could not be pulled or without an address as if the network were not set up, or become Ready only after --delay. --heal ends it.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := sandbox.Open(name)
			if err != nil {
				return sandboxError(err, name)
			}
			if heal {
				return s.Heal(c.Context(), f.Name)
			}
			if f.Mode, err = parseMode(mode); err != nil {
				return err
			}
			if f.Mode != sandbox.Slow {
				f.Delay = 0
			}
			return s.Play(c.Context(), f)
		},
	}
	sandboxName(c, &name)
	c.Flags().StringVar(&f.Name, "fault", "fault", "name of the fault")
	c.Flags().StringVar(&f.Image, "image", "", "part of the image, such as :v0.27.3")
	c.Flags().StringSliceVar(&f.Nodes, "node", nil, "node on which it is played; all when empty")
	c.Flags().StringVar(&mode, "mode", "crash", "crash, pending, creating or slow")
	c.Flags().DurationVar(&f.Delay, "delay", 30*time.Second, "how long a slow pod takes")
	c.Flags().BoolVar(&heal, "heal", false, "end the fault")
	_ = c.RegisterFlagCompletionFunc("mode", fixed("crash", "pending", "creating", "slow"))
	return c
}

func parseMode(s string) (sandbox.Mode, error) {
	for _, m := range []sandbox.Mode{sandbox.Crash, sandbox.Pending, sandbox.Creating, sandbox.Slow} {
		if strings.EqualFold(s, string(m)) {
			return m, nil
		}
	}
	return "", usage("one of crash, pending, creating, slow", "--mode %q is unknown", s)
}

func (a *app) sandboxDown() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use: "down", Short: "End a sandbox and remove its data", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return sandboxError(sandbox.Down(c.Context(), name, a.note), name)
		},
	}
	sandboxName(c, &name)
	return c
}
