package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Streams are what a command reads from and writes to: results to Out, everything else to Err.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

// terminal tells whether somebody can be asked: both ends are one.
func (s Streams) terminal() bool { return isTerminal(s.In) && isTerminal(s.Err) }

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Run carries out one command line and returns its exit code. Cancelling the context is what Ctrl-C does.
func Run(ctx context.Context, args []string, s Streams) int {
	screen := isTerminal(s.Out)
	out := &counted{Writer: s.Out}
	s.Out = out
	a := &app{Streams: s, screen: screen}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	err := root.ExecuteContext(ctx)
	if err != nil && ctx.Err() != nil {
		if code, _ := codeOf(err); code != exitInterrupted {
			err = &exit{code: exitInterrupted, err: err, hint: "interrupted; the same command goes on from here"}
		}
	}
	code, hint := codeOf(err)
	if err != nil {
		fmt.Fprintf(s.Err, "addonctl: %s\n", err)
	}
	if hint != "" {
		fmt.Fprintf(s.Err, "hint: %s\n", hint)
	}
	if err != nil && out.n == 0 {
		a.printError(code, err, hint)
	}
	return code
}

// counted knows whether a result was written.
type counted struct {
	io.Writer
	n int
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n += n
	return n, err
}

// errorReport is the result of a command that has no other: pipelines read exactly one document, whatever happens.
type errorReport struct {
	Error struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Hint    string `json:"hint,omitempty"`
	} `json:"error"`
}

func (r errorReport) table(io.Writer, bool) {}
func (r errorReport) name() string          { return "" }

func (a *app) printError(code int, err error, hint string) {
	if a.output != "json" && a.output != "yaml" {
		return
	}
	r := errorReport{}
	r.Error.Code, r.Error.Message, r.Error.Hint = code, err.Error(), hint
	if err := a.print(r); err != nil {
		a.note(err.Error())
	}
}

// app is one command line.
type app struct {
	Streams
	global
	// screen is true when results go to a terminal.
	screen bool
	// troubled is the last error that was survived.
	troubled string
	lookups  lookups
}

// global are the flags that every command has.
type global struct {
	kube       kubeFlags
	cluster    string
	catalogDir string
	charts     chartFlag
	output     string
}

func (a *app) root() *cobra.Command {
	c := &cobra.Command{
		Use:   "addonctl",
		Short: "Install and update a cluster's CNI add-on, node by node in sight, never without a CNI",
		Long: `addonctl holds a cluster's network type (OCI_VCN_IP_NATIVE or FLANNEL_OVERLAY), which is fixed for life,
installs the matching CNI add-on, and either moves it to the newest fitting release or keeps the version you pin.

Exit codes: 0 done, 1 failure, 2 usage, 3 refused by a rule, 4 gate failed or halted, 5 not finished in time or nodes left,
6 rolled back, 7 finished with clusters left behind, 8 conflict with somebody else, 9 API server not reachable, 130 interrupted.`,
		SilenceErrors: true, SilenceUsage: true,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage(fmt.Sprintf("%s --help lists the flags", c.CommandPath()), "%w", err)
	})
	a.globalFlags(c)
	c.AddCommand(
		a.installCommand(), a.updateCommand(), a.pinCommand(), a.unpinCommand(), a.adoptCommand(), a.rollbackCommand(), a.retryCommand(), a.pauseCommand(), a.resumeCommand(),
		a.statusCommand(), a.driftCommand(), a.nodesCommand(), a.historyCommand(), a.planCommand(), a.explainCommand(), a.preflightCommand(),
		a.renderCommand(), a.diffCommand(), a.imagesCommand(),
		a.versionsCommand(), a.outdatedCommand(),
		a.breakGlassCommand(), a.uninstallCommand(),
		a.clusterCommand(), a.sandboxCommand(), a.versionCommand(),
		a.catalogCommand(), a.rolloutCommand(), a.recallCommand(), a.initCommand(),
	)
	c.InitDefaultCompletionCmd()
	c.CompletionOptions.HiddenDefaultCmd = false
	return c
}

func (a *app) globalFlags(c *cobra.Command) {
	f := c.PersistentFlags()
	a.kube.add(f)
	f.StringVar(&a.cluster, "cluster", "in-cluster", "name of the cluster's record; in a hub, another cluster is reached by its Secret")
	f.StringVar(&a.catalogDir, "catalog", "", "folder with a catalog to use instead of the built-in one")
	a.chartFlags(c)
	f.StringVarP(&a.output, "output", "o", "table", "output format: table, wide, json, yaml or name")
	_ = c.RegisterFlagCompletionFunc("output", fixed(formats...))
	_ = c.RegisterFlagCompletionFunc("cluster", cobra.NoFileCompletions)
	_ = c.MarkPersistentFlagDirname("catalog")
}

func fixed(values ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
}

// noArgs refuses arguments, and says what a misspelt command may have meant.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := c.CommandPath() + " --help lists what there is"
	if s := c.SuggestionsFor(args[0]); len(s) > 0 {
		hint = "did you mean " + strings.Join(s, " or ") + "?"
	}
	return usage(hint, "%s: unknown command or argument %q", c.CommandPath(), args[0])
}
