package graph_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/graph"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// drawn has one of everything that is drawn.
func drawn() catalog.AddOn {
	a := flannel("2.0.1 DEPRECATED by OnReboot", "2.1.0 by OnReboot", "2.2.0 RECALLED by OnReboot", "2.2.3 by OnReboot", "2.3.0 by OnDelete",
		"3.0.0 by OnDelete", "3.2.0 for 1.34.. by OnDelete", "3.3.0 by OnDelete", "3.4.0 PREVIEW by OnDelete", "3.5.0 by OnDelete")
	a.Name = `Oci"Vcn"#1`
	a.Rules = catalog.Rules{
		Stops: []catalog.Stop{{At: span("2.3.0..2.3"), Reason: "MechanismChange", Message: "It changes."}},
		Back: []catalog.BackRule{
			{Crossing: v("2.3.0"), Class: catalog.OneWay, UntilSettled: catalog.ReversibleWithLoss},
			{Crossing: v("3.3.0"), Class: catalog.OneWay},
			{WithinMinor: true, Class: catalog.Reversible},
			{Class: catalog.ReversibleWithLoss},
		},
	}
	a.Blocks = []catalog.Block{block("Known: 2.1.0 -> 2.2.3"), block("Guessed: 3.0.0 -> 3.2..", is(catalog.FactOS, "OL7"))}
	return a
}

func TestThePicturesAreAsReviewed(t *testing.T) {
	t.Parallel()
	g := graph.New(drawn())
	anywhere := graph.Where{Assume: true}
	for file, got := range map[string]string{
		"drawn.dot": g.DOT(on("1.33")), "drawn.mmd": g.Mermaid(on("1.33")),
		"anywhere.dot": g.DOT(anywhere), "anywhere.mmd": g.Mermaid(anywhere),
		"empty.dot": graph.New(flannel()).DOT(on("1.33")), "empty.mmd": graph.New(flannel()).Mermaid(on("1.33")),
	} {
		name := filepath.Join("testdata", file)
		if *update {
			if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got, rewrite with -update):\n%s", file, diff)
		}
	}
}

var solid = regexp.MustCompile(`r(\d+) (?:-->|==>)\|.*\| r(\d+)`)

// leads tells, for each place of a picture, oldest first, where the moves lead that are drawn as open, without passing a
// PREVIEW release; the move skip is left out.
func leads(a catalog.AddOn, moves [][2]int, skip [2]int) [][]bool {
	n := len(a.Releases)
	out := make([][]bool, n)
	for i := n - 1; i >= 0; i-- {
		out[i] = make([]bool, n)
		for _, m := range moves {
			if m[0] != i || m == skip {
				continue
			}
			out[i][m[1]] = true
			for j := m[1] + 1; j < n && a.Releases[n-1-m[1]].Status != catalog.Preview; j++ {
				out[i][j] = out[i][j] || out[m[1]][j]
			}
		}
	}
	return out
}

func TestAPictureShowsEveryWayAndNoMoveTooMany(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		if !sometimes(t, 4, "looked at") {
			return
		}
		a, w := anyAddOn(t, 12), anyWhere(t)
		if w.Kubernetes.IsZero() {
			w.Kubernetes = v("1.31")
		}
		g, n := graph.New(a), len(a.Releases)
		var moves [][2]int
		for _, m := range solid.FindAllStringSubmatch(g.Mermaid(w), -1) {
			from, _ := strconv.Atoi(m[1])
			to, _ := strconv.Atoi(m[2])
			moves = append(moves, [2]int{from, to})
		}
		shown := leads(a, moves, [2]int{})
		for i := range n {
			for j := i + 1; j < n; j++ {
				from, to := a.Releases[n-1-i].Version, a.Releases[n-1-j].Version
				if open := g.Path(from, to, w).Open(); open != shown[i][j] {
					t.Fatalf("a path from %s to %s: %t, shown: %t", from, to, open, shown[i][j])
				}
			}
		}
		for _, m := range moves {
			if leads(a, moves, m)[m[0]][m[1]] {
				t.Fatalf("%v is drawn and made of smaller moves", m)
			}
		}
	})
}
