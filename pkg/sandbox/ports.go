package sandbox

import (
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
)

// ports are the loopback ports of one sandbox.
type ports struct {
	Etcd      int `json:"etcd"`
	EtcdPeer  int `json:"etcdPeer"`
	APIServer int `json:"apiServer"`
}

// firstPort and lastPort lie below the range from which Linux takes the local ports of outgoing connections, so a port
// stays free while its program is restarted.
const (
	firstPort = 20000
	lastPort  = 31999
)

// freePorts picks ports that nobody listens on. Somebody may take one before its program does: Up tries again then.
func freePorts() (ports, error) {
	var free [3]int
	for i := range free {
		port, err := freePort(free[:i])
		if err != nil {
			return ports{}, err
		}
		free[i] = port
	}
	return ports{Etcd: free[0], EtcdPeer: free[1], APIServer: free[2]}, nil
}

func freePort(taken []int) (int, error) {
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if !slices.Contains(taken, port) && listens(port) {
			return port, nil
		}
	}
	return 0, errors.New("finding a free port on 127.0.0.1: none of 1000 tried is free")
}

// listens says whether this process could listen on the port.
func listens(port int) bool {
	l, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func loopback(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}
