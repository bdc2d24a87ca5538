package sandbox

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// stateFile is the one file that makes a folder a sandbox.
const stateFile = "state.json"

// state is what must survive the process that called Up. It is written before the first program starts; which processes
// run is never read from it but looked up.
type state struct {
	Name               string    `json:"name"`
	ID                 string    `json:"id"`         // what its processes carry in their environment
	Kubernetes         string    `json:"kubernetes"` // minor
	Version            string    `json:"version"`
	Programs           string    `json:"programs"` // folder of the binaries
	NPNPrograms        string    `json:"npnPrograms"`
	Ports              ports     `json:"ports"`
	Owner              int       `json:"owner,omitempty"`
	OwnerStarted       uint64    `json:"ownerStarted,omitempty"` // tells a reused pid from the owner
	ExtraAPIServerArgs []string  `json:"extraAPIServerArgs,omitempty"`
	Created            time.Time `json:"created"`
	Complete           bool      `json:"complete"` // Up has finished
	Faults             []Fault   `json:"faults,omitempty"`
}

// newState describes a sandbox that is about to start.
func newState(o Options, programs, npnPrograms string) (state, error) {
	version, err := versionOf(programs)
	if err != nil {
		return state{}, err
	}
	st := state{
		Name: o.Name, ID: randomHex(), Kubernetes: o.Kubernetes, Version: version, Programs: programs, NPNPrograms: npnPrograms,
		Owner: o.Owner, ExtraAPIServerArgs: o.ExtraAPIServerArgs, Created: time.Now().UTC().Truncate(time.Second),
	}
	if st.Owner != 0 {
		st.OwnerStarted = startOf(st.Owner)
	}
	return st, nil
}

// orphaned says whether the sandbox belonged to a process that is gone.
func (s state) orphaned() bool {
	return s.Owner != 0 && (s.OwnerStarted == 0 || startOf(s.Owner) != s.OwnerStarted)
}

// randomHex is an unguessable name of 128 bits.
func randomHex() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func readState(dir string) (state, error) {
	data, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err != nil {
		return state{}, err
	}
	var st state
	if err := json.Unmarshal(data, &st); err != nil {
		return state{}, fmt.Errorf("reading %s: %w", filepath.Join(dir, stateFile), err)
	}
	return st, nil
}

func writeState(dir string, st state) error {
	data, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, stateFile), append(data, '\n'))
}

// writeFile replaces a file whole, readable by the user alone.
func writeFile(path string, data []byte) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, data, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
