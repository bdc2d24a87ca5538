package plan

import (
	"slices"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/graph"
)

// wayBackOf is the way back of one step on this cluster.
type wayBackOf struct {
	// class once the step is settled, and until then.
	class, during catalog.Class
	// why says what the class rests on, or what the way back costs.
	why string
	// left is true where there is no way back because nobody should want one: nothing was there, or what is left is recalled,
	// not made for this cluster, or no release of the catalog. Nobody has to accept that.
	left bool
}

// notMissed are closings of a way back that leads to a release which the cluster should not be on anyway.
var notMissed = []string{graph.Recalled, graph.UnknownRelease, graph.KubernetesOutOfRange, graph.NotInRealm}

// back judges the way back of a step:
//
//	| step                                          | class                               |
//	|-----------------------------------------------|-------------------------------------|
//	| an installation                               | OneWay: a CNI is never removed      |
//	| the same release again                        | Reversible                          |
//	| from what may not be entered on this cluster  | OneWay, and why                     |
//	| forwards                                      | as the add-on's rules say           |
//	| backwards                                     | Reversible: forwards again          |
//
// What facts that nobody has told would close is taken to be open: it is asked about when somebody wants to go back.
func (d decision) back(e graph.Edge) wayBackOf {
	switch {
	case e.From.IsZero():
		return wayBackOf{catalog.OneWay, catalog.OneWay, "nothing was there before, and a CNI is never removed", true}
	case e.From.Equal(e.To):
		return wayBackOf{catalog.Reversible, catalog.Reversible, "it is the same release", false}
	}
	w := d.where()
	w.Assume, w.Unsettled = true, true
	reverse := d.graph.Edge(e.To, e.From, w)
	closed := slices.DeleteFunc(slices.Clone(reverse.Closed), func(c graph.Closing) bool { return c.Reason == graph.NoWayBack })
	switch {
	case len(closed) > 0:
		missed := func(c graph.Closing) bool { return !slices.Contains(notMissed, c.Reason) }
		return wayBackOf{catalog.OneWay, catalog.OneWay, closings(closed), !slices.ContainsFunc(closed, missed)}
	case !e.Forward:
		return wayBackOf{catalog.Reversible, catalog.Reversible, "it is a way back itself; the way forwards is open again", false}
	default:
		return wayBackOf{e.Back, e.During, e.BackWhy, false}
	}
}
