package cli

import (
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// catalogListReport is the result of `catalog list`.
type catalogListReport struct {
	Items []listedRelease `json:"releases"`
}

// listedRelease is a row of `catalog list`.
type listedRelease struct {
	AddOn   string          `json:"addon"`
	Version version.Version `json:"version"`
	Status  catalog.Status  `json:"status"`
	// Released is empty when no source gives the day.
	Released   string             `json:"released,omitempty"`
	Kubernetes version.Filters    `json:"kubernetes,omitzero"`
	ListedFor  []version.Minor    `json:"listedFor,omitempty"`
	Mechanism  catalog.Mechanism  `json:"mechanism"`
	Chart      string             `json:"chart"`
	Shipped    bool               `json:"chartShipped"`
	Confidence catalog.Confidence `json:"confidence"`
}

func (a *app) catalogListCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "list [ADDON]",
		Short: "List the releases of every add-on, or of one",
		Long: `Lists the releases, newest first. RELEASED is unknown where no source gives the day; CHART says whether this build can
render the release, or only knows of it.`,
		Args: arguments(0, "ADDON"), ValidArgsFunction: a.completeNamed(false),
		RunE: func(c *cobra.Command, args []string) error {
			addOns, err := a.addOns(args)
			if err != nil {
				return err
			}
			folder, err := a.chartFolder(c.Context())
			if err != nil {
				return err
			}
			return a.print(listOf(folder, addOns))
		},
	}
	a.fromFlag(c)
	return c
}

// addOns are the one that is named, or all.
func (a *app) addOns(names []string) ([]catalog.AddOn, error) {
	c, err := a.catalog()
	switch {
	case err != nil:
		return nil, err
	case len(names) == 0:
		return c.AddOns, nil
	}
	one, err := addOnOf(c, "ADDON", names[0])
	return []catalog.AddOn{one}, err
}

func listOf(charts fs.FS, addOns []catalog.AddOn) catalogListReport {
	out := catalogListReport{Items: []listedRelease{}}
	for _, x := range addOns {
		for _, r := range x.Releases {
			out.Items = append(out.Items, listing(charts, r))
		}
	}
	return out
}

func listing(charts fs.FS, r catalog.Release) listedRelease {
	return listedRelease{
		AddOn: r.AddOn, Version: r.Version, Status: r.Status, Released: r.Released, Kubernetes: r.Kubernetes, ListedFor: r.ListedFor,
		Mechanism: r.Mechanism, Chart: r.Chart, Shipped: shipped(charts, r), Confidence: r.Confidence,
	}
}

func (r catalogListReport) name() string {
	var out []string
	for _, i := range r.Items {
		out = append(out, i.AddOn+"/"+i.Version.String())
	}
	return strings.Join(out, "\n")
}

func (r catalogListReport) table(w io.Writer, wide bool) {
	head := []string{"ADDON", "VERSION", "STATUS", "RELEASED", "KUBERNETES", "LISTED FOR", "MECHANISM", "CHART"}
	if wide {
		head = append(head, "CONFIDENCE")
	}
	rows := [][]string{head}
	for _, i := range r.Items {
		row := []string{
			i.AddOn, i.Version.String(), string(i.Status), releasedText(i.Released), i.Kubernetes.String(),
			dash(strings.Join(texts(i.ListedFor), ",")), string(i.Mechanism), yesNo(i.Shipped),
		}
		if wide {
			row = append(row, string(i.Confidence))
		}
		rows = append(rows, row)
	}
	columns(w, rows...)
}

func releasedText(day string) string {
	if day == "" {
		return "unknown"
	}
	return day
}
