#!/bin/sh
# The main job in one go, on a control plane of its own: make quickstart.
set -eu

name=${SANDBOX:-quickstart}
begun=$(date +%s)

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
# show prints a command as one would type it.
show() {
	printf '$ addonctl'
	for word; do
		case $word in *'{'*) printf " '%s'" "$word" ;; *' '*) printf ' "%s"' "$word" ;; *) printf ' %s' "$word" ;; esac
	done
	printf '\n'
}
run() { show "$@"; addonctl "$@" --context "addonctl-sandbox-$name"; }
# refused runs a command that a rule has to refuse with exit code 3.
refused() {
	show "$@"
	code=0
	addonctl "$@" --context "addonctl-sandbox-$name" || code=$?
	printf '[exit %s]\n' "$code"
	[ "$code" -eq 3 ] || { echo "quickstart: that should have been refused with exit 3" >&2; exit 1; }
}
# The quickstart talks to its own sandbox only, whatever kubeconfig there is.
unset KUBECONFIG

if addonctl sandbox status --name "$name" >/dev/null 2>&1; then
	say "An earlier quickstart left its sandbox: start anew"
	addonctl sandbox down --name "$name"
fi

say "A real control plane with 20 simulated nodes"
addonctl sandbox up --name "$name" --nodes 20

say "What a mirror has to hold for flannel 0.26.2; no cluster is asked"
show images --network-type flannel --version 0.26.2 --kubernetes 1.33
addonctl images --network-type flannel --version 0.26.2 --kubernetes 1.33

say "Install flannel 0.26.2; later updates take a quarter of the nodes at a time, and do not soak here; giving a version pins it"
run install --network-type flannel --version 0.26.2 --set-config 'rollingUpdate={"maxUnavailable":"25%"}' --soak 0s --ready-for 1s --wait --yes

say "What runs, node by node"
run status
run nodes

say "Pin it with a reason, so that whoever meets the pin knows why"
run pin --version 0.26.2 --reason "waiting for the new kernel" --ticket NET-42 --yes

say "A pin is kept: an update is refused"
refused update --yes

say "Take the pin off, ask why and what would happen, and update to the newest release that fits, node by node"
run unpin --yes
run explain
run plan
# Differences end with exit 1.
show diff 0.26.2 0.27.3 --network-type flannel
addonctl diff 0.26.2 0.27.3 --network-type flannel || [ $? -eq 1 ]
run plan --reverse
run update --wait --yes

say "What happened"
run history
run status

say "Nobody deletes the CNI by mistake, not even the administrator"
printf '$ kubectl delete daemonset kube-flannel-ds -n kube-system\n'
if addonctl sandbox kubectl --name "$name" -- delete daemonset kube-flannel-ds -n kube-system; then
	echo "quickstart: that should have been denied" >&2
	exit 1
fi
run drift

say "The network type is for life"
refused install --network-type vcn-native --yes

cat <<END

Done in $(($(date +%s) - begun)) s. The sandbox is still running; go on with it:
  bin/addonctl status --context addonctl-sandbox-$name
  bin/addonctl sandbox kubectl --name $name -- get pods -A
  bin/addonctl sandbox fault --name $name --image :v0.26.2 --node node-07 --mode crash
  bin/addonctl update --version 0.26.2 --context addonctl-sandbox-$name   # meets the bad release just made, and halts
and stop it with:
  bin/addonctl sandbox down --name $name
END
