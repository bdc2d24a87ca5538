package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// definition with that name; false when the render has none.
func definition(f catalog.Footprint, name string) (catalog.Definition, bool) {
	i := slices.IndexFunc(f.Definitions, func(d catalog.Definition) bool { return d.Name == name })
	if i < 0 {
		return catalog.Definition{}, false
	}
	return f.Definitions[i], true
}

// definitionsComplete compares what the agents may read with what the release defines: where it brings definitions of a group,
// it should bring all of that group that its rights name. Other groups are left alone; they come from elsewhere.
func definitionsComplete(_ decision, before, after catalog.Footprint) []Finding {
	var lacking []string
	for _, g := range after.Grants {
		resource, group, ok := readResource(g)
		name := resource + "." + group
		_, now := definition(after, name)
		_, then := definition(before, name)
		if ok && definesGroup(after, group) && !now && !then && !slices.Contains(lacking, name) && !slices.Contains(namedOnly, name) {
			lacking = append(lacking, name)
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	slices.Sort(lacking)
	return warn(DefinitionsMissing, "B3",
		fmt.Sprintf("the agents read %s, and no CustomResourceDefinition of the release defines %s: an agent that waits "+
			"for one never gets Ready, on every node",
			few(lacking), itThem(len(lacking))), "add the definitions to the chart, or apply them server-side before the move")
}

// readResource is the resource and group of a right to read, as in "ns/account: list tiers.crd.projectcalico.org".
func readResource(grant string) (resource, group string, ok bool) {
	_, right, _ := strings.Cut(grant, ": ")
	verb, what, _ := strings.Cut(right, " ")
	resource, group, ok = strings.Cut(what, ".")
	if verb != "list" && verb != "watch" || strings.ContainsAny(what, "*/ [(") {
		return "", "", false
	}
	return resource, group, ok
}

// namedOnly are resources that Calico's roles name in this group and no release since 3.26 defines in it: two from before, and
// one that is called ipamconfigs here (facts: CNI A3.4, A3.5).
var namedOnly = []string{
	"globalbgpconfigs.crd.projectcalico.org", "globalfelixconfigs.crd.projectcalico.org", "ipamconfigurations.crd.projectcalico.org",
}

func definesGroup(f catalog.Footprint, group string) bool {
	return slices.ContainsFunc(f.Definitions, func(d catalog.Definition) bool {
		_, of, _ := strings.Cut(d.Name, ".")
		return of == group
	})
}

// definitionsLeft names definitions that the new release does not have: they are never deleted, and nobody reads their objects.
func definitionsLeft(_ decision, before, after catalog.Footprint) []Finding {
	var gone []string
	for _, d := range before.Definitions {
		if _, ok := definition(after, d.Name); !ok {
			gone = append(gone, d.Name)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return warn(DefinitionsLeft, "B3 B39",
		fmt.Sprintf("the new release has no %s: objects of %s stay on the cluster and have no effect from then on", few(gone),
			itThem(len(gone))),
		"look whether there are any (kubectl get NAME -A), and rewrite them for the new release first; addonctl deletes "+
			"no definition")
}

// defining runs a check on every definition of the render that is there already: as it is live, or, where nobody looked, as it was
// recorded.
func defining(check func(old, now catalog.Definition) []Finding) func(decision) []Finding {
	return entering(func(d decision, after catalog.Footprint) []Finding {
		there := catalog.Footprint{Definitions: d.Change.Definitions}
		if d.Change.Definitions == nil && d.Change.From != nil {
			there = *d.Change.From
		}
		var out []Finding
		for _, now := range after.Definitions {
			if old, ok := definition(there, now.Name); ok {
				out = append(out, check(old, now)...)
			}
		}
		return out
	})
}

// storedVersionsKept : the API server refuses a definition without a version that objects may be stored in.
func storedVersionsKept(old, now catalog.Definition) []Finding {
	stored := old.Stored
	if len(stored) == 0 && old.Storage != "" {
		stored = []string{old.Storage}
	}
	lost := missing(slices.Concat(now.Served, now.Unserved, []string{now.Storage}), stored)
	if len(lost) == 0 {
		return nil
	}
	return forbid(StoredVersionDropped, "B4",
		fmt.Sprintf("the definition %s drops version %s, in which objects are stored: the API server refuses it", now.Name, strings.Join(lost, ", ")),
		"keep the version, unserved, until every object has been rewritten and status.storedVersions says so")
}

// servedVersionsKept tells of versions that whoever reads the objects may still ask for.
func servedVersionsKept(old, now catalog.Definition) []Finding {
	lost := missing(now.Served, old.Served)
	if len(lost) == 0 {
		return nil
	}
	return warn(ServedVersionDropped, "B3 B4",
		fmt.Sprintf("the definition %s does not serve version %s any more: who still asks for it gets nothing, agents that have not moved too",
			now.Name, strings.Join(lost, ", ")), "see that nothing uses it, or serve it until the last node has moved")
}

// fieldsKept tells of fields that definitions have no more: the API server drops them from every object that is written from then on.
func fieldsKept(d decision, _ catalog.Footprint) []Finding {
	if len(d.Change.Narrowed) == 0 {
		return nil
	}
	return warn(SchemaNarrowed, "B3 B4",
		fmt.Sprintf("definitions take less than the live ones: %s; objects that use it lose it, or are refused, when they are written next",
			few(d.Change.Narrowed)), "look whether any object uses it (kubectl get NAME -A -o yaml) and keep a copy: definitions are not rolled back")
}

// oneStorageVersion : a definition stores in exactly one version. One that stores in none or several has an empty Storage.
func oneStorageVersion(_ decision, after catalog.Footprint) []Finding {
	var out []Finding
	for _, d := range after.Definitions {
		if d.Storage == "" {
			out = append(out, forbid(NoStorageVersion, "B4",
				fmt.Sprintf("the definition %s does not name exactly one version to store: the API server refuses it", d.Name),
				"mark one version of the definition as storage")...)
		}
	}
	return out
}

// definitionScopeKept : a definition is for namespaces or for the cluster, for life.
func definitionScopeKept(old, now catalog.Definition) []Finding {
	if old.Scope == now.Scope {
		return nil
	}
	return forbid(ScopeChanged, "B2 B4",
		fmt.Sprintf("the definition %s goes from scope %s to %s: the API server refuses it", now.Name, old.Scope, now.Scope),
		"keep the scope, or give the definition another name")
}
