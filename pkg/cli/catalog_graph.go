package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/graph"
	"github.com/addonctl/addonctl/pkg/version"
)

// pictures are the formats of `catalog graph`.
var pictures = []string{"dot", "mermaid"}

// graphReport is the result of `catalog graph`.
type graphReport struct {
	AddOn      string          `json:"addon"`
	Kubernetes version.Version `json:"kubernetes,omitzero"`
	Format     string          `json:"format"`
	Text       string          `json:"text"`
}

func (a *app) catalogGraphCommand() *cobra.Command {
	var format, kubernetes string
	c := &cobra.Command{
		Use:   "graph ADDON",
		Short: "Draw the releases of an add-on and the moves between them, as text for Graphviz or Mermaid",
		Long: `Draws the moves that are open on a Kubernetes version. What is closed where a fact about the cluster holds is drawn as
closed, for no cluster is asked.`,
		Example: `  addonctl catalog graph Flannel --kubernetes 1.34 | dot -Tsvg > flannel.svg
  addonctl catalog graph Flannel --format mermaid`,
		Args: arguments(1, "ADDON"), ValidArgsFunction: a.completeNamed(false),
		RunE: func(_ *cobra.Command, args []string) error {
			draw, err := pictureOf(format)
			if err != nil {
				return err
			}
			addOn, err := a.named(args[0])
			if err != nil {
				return err
			}
			k, err := a.judgedBy(kubernetes, newestActive(addOn))
			if err != nil {
				return err
			}
			return a.print(graphReport{addOn.Name, k, format, draw(graph.New(addOn), graph.Where{Kubernetes: k})})
		},
	}
	c.Flags().StringVar(&format, "format", "dot", "dot or mermaid")
	c.Flags().StringVar(&kubernetes, "kubernetes", "", "Kubernetes version to judge by, such as 1.34; when empty the newest that the newest ACTIVE release is listed for")
	_ = c.RegisterFlagCompletionFunc("format", fixed(pictures...))
	_ = c.RegisterFlagCompletionFunc("kubernetes", a.completeKubernetes)
	a.fromFlag(c)
	return c
}

func pictureOf(format string) (func(*graph.Graph, graph.Where) string, error) {
	switch format {
	case "dot":
		return (*graph.Graph).DOT, nil
	case "mermaid":
		return (*graph.Graph).Mermaid, nil
	default:
		return nil, usage("one of "+strings.Join(pictures, ", "), "--format: unknown format %q", format)
	}
}

// newestActive is the newest ACTIVE release, or the newest of all.
func newestActive(addOn catalog.AddOn) catalog.Release {
	for _, r := range addOn.Releases {
		if r.Status == catalog.Active {
			return r
		}
	}
	return addOn.Releases[0]
}

func (r graphReport) name() string { return r.AddOn }

func (r graphReport) table(w io.Writer, _ bool) {
	fmt.Fprintf(w, "%s\n", strings.TrimRight(r.Text, "\n"))
}
