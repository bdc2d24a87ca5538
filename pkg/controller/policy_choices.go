package controller

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/status"
)

// choices keep what was found out about policies between two looks, because a fleet that is on its way is looked at many times a second:
// policies that were read, and who takes which cluster. It is forgotten as soon as a policy or a cluster's record is another.
type choices struct {
	mu sync.Mutex
	// of names the editions of all policies that the rest was found out with.
	of       string
	policies []status.Policy
	clusters map[string]clusterChoice
}

// clusterChoice is who takes the add-ons of one edition of a cluster's record.
type clusterChoice struct {
	uid     types.UID
	edition string
	takers  map[string][]string
}

// read reads policies; those that were read before are not read again. of names their editions.
func (c *choices) read(all []v1alpha1.UpdatePolicy) (out []status.Policy, of string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	editions := make([]string, len(all))
	for i := range all {
		editions[i] = fmt.Sprintf("%s/%s/%d", all[i].Name, all[i].UID, all[i].Generation)
	}
	slices.Sort(editions)
	if of = strings.Join(editions, " "); of != c.of || c.clusters == nil {
		c.of, c.policies, c.clusters = of, nil, map[string]clusterChoice{}
		for i := range all {
			c.policies = append(c.policies, status.ReadPolicy(all[i].Name, all[i].Spec))
		}
	}
	return slices.Clone(c.policies), of
}

// takers are who takes an add-on of a cluster, as they were found before with these editions of the policies, or as ask finds them. Whoever
// looks with other editions than were read last finds out for himself, and nobody else takes it over.
func (c *choices) takers(of string, n *v1alpha1.ClusterNetwork, addOn string, ask func() []string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if of != c.of {
		return ask()
	}
	known := c.clusters[n.Name]
	if known.takers == nil || known.edition != n.ResourceVersion || known.uid != n.UID {
		known = clusterChoice{n.UID, n.ResourceVersion, map[string][]string{}}
		c.clusters[n.Name] = known
	}
	out, ok := known.takers[addOn]
	if !ok {
		out = ask()
		known.takers[addOn] = out
	}
	return out
}
