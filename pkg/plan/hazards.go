package plan

// hazards are what is known to go wrong with a CNI on the way from one render to another, one line each. Entries B1 to B58
// and sections A1 to A4 and C are those of facts: CNI; docs/hazards.md says for every entry how it is covered. A check that
// compares needs the footprint of what is live (between), one that adds also runs on an empty cluster (adding), one that
// enters looks at the new render alone (entering). All of these are silent where that render is live already.
var hazards = []Check{
	// All that belongs to certain versions: dangers that the catalog tells of, judged by the cluster's facts and node by node.
	{"known-hazards", knownHazards},
	// B52: what nobody recorded cannot be compared.
	{"footprint-known", footprintKnown},

	// B1: a selector is for life, of DaemonSets and Deployments.
	{"selector-kept", between(selectorKept)},
	// B2: so is the role of a binding.
	{"role-reference-kept", between(roleReferenceKept)},
	// B45: a binding that forgets the old pods' account.
	{"binding-subjects-kept", between(bindingSubjectsKept)},
	// B45, B46: a DaemonSet of another name is a second agent beside the first, or the first is left without a successor.
	{"workload-kept", between(workloadKept)},
	// B48: what a release no longer names stays behind.
	{"objects-left", between(objectsLeft)},
	// B3: the definitions that the agent reads.
	{"definitions-complete", adding(definitionsComplete)},
	// B3, B39: definitions that the new release no longer has.
	{"definitions-left", between(definitionsLeft)},
	// B4: stored versions are kept, exactly one is stored, and the scope is for life.
	{"stored-versions-kept", defining(storedVersionsKept)},
	{"one-storage-version", entering(oneStorageVersion)},
	{"definition-scope-kept", defining(definitionScopeKept)},
	// B3, B4: what agents and others read and write stays.
	{"served-versions-kept", defining(servedVersionsKept)},
	{"definition-fields-kept", entering(fieldsKept)},
	// B6: the release's record fits into a Secret.
	{"release-size", entering(releaseSize)},
	// A1.8: Calico's canal manifest has a ClusterRole of flannel's name.
	{"flannel-role-free", entering(flannelRoleFree)},

	// B7: the rights that an agent needs at its version.
	{"grants-complete", entering(grantsComplete)},
	{"grants-kept", between(grantsKept)},
	// B7: the account that its pods run as.
	{"account-exists", entering(accountExists)},

	// B29: APIs that the cluster does not serve, or will not serve after its next minor.
	{"apis-served", entering(apisServed)},
	{"apis-last", entering(apisLast)},
	{"apis-introduced", entering(apisIntroduced)},
	{"way-back-served", between(wayBackServed)},

	// B23: images come from another registry, or from a repository that a mirror may not have.
	{"registry-kept", between(registryKept)},
	{"repositories-kept", between(repositoriesKept)},
	// B23: and are asked for there, before a node has to.
	{"images-there", imagesThere},

	// B31: ports of the nodes.
	{"host-ports-new", adding(hostPortsNew)},
	{"host-ports-reserved", adding(hostPortsReserved)},
	{"host-ports-once", entering(hostPortsOnce)},
	{"surge", entering(surge)},

	// B25: no node loses the agent, and none gets it unawares.
	{"tolerations-kept", between(tolerationsKept)},
	{"selection-kept", between(selectionKept)},
	{"nodes-gained", between(nodesGained)},
	{"taints-tolerated", entering(taintsTolerated)},
	{"host-network", entering(hostNetwork)},
	// B34: the agent is not the one that has to go.
	{"agent-priority", entering(agentPriority)},
	// B27, B34: what a namespace admits.
	{"namespace-admits", adding(namespaceAdmits)},
	{"pods-admitted", podsAdmitted},
	// B13: binaries that nobody ships.
	{"plugins-on-nodes", adding(pluginsOnNodes)},
	// B14: directories that cannot be written.
	{"writable-hosts", entering(writableHosts)},
	// C3: kubelets too far from the API server.
	{"kubelet-skew", kubeletSkew},
	// B32: room for more nodes.
	{"node-blocks-left", nodeBlocksLeft},

	// B40, A1.8: addresses are recorded under the chain's name.
	{"chain-name-kept", between(chainNameKept)},
	// B15: the first file by name is taken.
	{"chain-file-kept", between(chainFileKept)},
	{"chain-alone", adding(chainAlone)},
	// B46: a chain that nobody writes any more is not there on new nodes.
	{"chain-installed", between(chainInstalled)},
	// B13, B14: folders that the container runtime does not look into.
	{"host-folders-kept", between(hostFoldersKept)},
	// B33: the version of the specification that pods were made by.
	{"cni-version-kept", between(cniVersionKept)},
	// A1.8: a new chain is for new pods.
	{"chain-plugins-kept", between(chainPluginsKept)},
	// B30: so is its MTU.
	{"chain-mtu-kept", between(chainMTUKept)},
	// B39, B40: another address plugin knows nothing of the addresses in use.
	{"address-plugin-kept", between(addressPluginKept)},

	// A1.8: pods keep their addresses.
	{"network-kept", between(networkKept)},
	// A1.7, A1.8: nodes with different backends do not hear each other, and every signal stays green.
	{"backend-kept", between(backendKept)},
	// A1.8, B20: nor do nodes on different interfaces.
	{"agent-interface-kept", between(agentInterfaceKept)},
	// B16: pods whose packets nobody masquerades do not get out.
	{"agent-masquerade-kept", between(agentMasqueradeKept)},
	// B17: a FORWARD policy of DROP drops what nobody lets through.
	{"agent-forward-rules-kept", between(agentForwardRulesKept)},
	// B30: flannel does not change the MTU of a device that exists.
	{"mtu-kept", between(mtuKept)},
	// B18: rules move from iptables to nftables or back.
	{"rules-backend-kept", between(rulesBackendKept)},

	// B57: agents read their configuration when they start.
	{"configuration-restarts", between(configurationRestarts)},
	// B10: what pods read exists.
	{"configuration-complete", entering(configurationComplete)},
	// B8, B9: a crash loop that looks Ready goes through the whole cluster.
	{"crash-loop-visible", entering(crashLoopVisible)},
	{"readiness-new", between(readinessNew)},
	{"readiness-kept", between(readinessKept)},
	{"strategy-kept", between(strategyKept)},
	{"batch-size", entering(batchSize)},

	// B28, B55: what needs the pod network to mend the pod network.
	{"own-webhooks", adding(ownWebhooks)},
	{"webhooks-answer", webhooksAnswer},
	{"aggregated-apis", adding(aggregatedAPIs)},
	{"helper-jobs", entering(helperJobs)},

	// B35: two address managers on one node.
	{"calico-networking", entering(calicoNetworking)},
	// A4.5: the settings beside VCN-native, without which nothing is enforced.
	{"calico-settings", entering(calicoSettings)},
	// B58: a token that nobody renews.
	{"cni-token", entering(cniToken)},
	// B18: Felix guesses the node's iptables.
	{"felix-iptables", entering(felixIptables)},
	{"felix-backend-kept", between(felixBackendKept)},
	// B43: Felix and kube-proxy write rules of one kind.
	{"felix-nftables", entering(felixNftables)},
	// B36: policies that were never enforced go live.
	{"policies-live", adding(policiesLive)},
	// B37: policies that were enforced are not any more, and their rules stay.
	{"policies-end", between(policiesEnd)},
	// B11: Typha and Felix of two versions.
	{"typha-skew", between(typhaSkew)},
	{"typha-present", entering(typhaPresent)},
}
