package kube

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// holder is a process that holds a Lease, as the holderIdentity writes it: host/process/start/machine/id.
type holder struct {
	host string
	pid  int
	// start of the process, in the kernel's ticks since the machine was started; the number of a process is used again.
	start string
	// machine is this start of the machine and its space of process numbers: containers have their own. Both are empty
	// where the kernel does not tell.
	machine string
	// id makes each tenure of a process another one.
	id string
}

// self is this process, for a new tenure.
func self() (holder, error) {
	host, err := os.Hostname()
	if err != nil {
		return holder{}, fmt.Errorf("asking for the name of this host: %w", err)
	}
	id := make([]byte, 4)
	if _, err := rand.Read(id); err != nil {
		return holder{}, fmt.Errorf("making an identity: %w", err)
	}
	pid := os.Getpid()
	start, _ := process(pid)
	return holder{strings.ReplaceAll(host, "/", "-"), pid, start, machine(), hex.EncodeToString(id)}, nil
}

// parseHolder reads an identity; false for one that another program wrote.
func parseHolder(identity string) (holder, bool) {
	parts := strings.Split(identity, "/")
	if len(parts) != 5 {
		return holder{}, false
	}
	pid, err := strconv.Atoi(parts[1])
	return holder{parts[0], pid, parts[2], parts[3], parts[4]}, err == nil && pid > 0
}

func (h holder) String() string {
	return fmt.Sprintf("%s/%d/%s/%s/%s", h.host, h.pid, h.start, h.machine, h.id)
}

// named says in words who an identity is of.
func named(identity string) string {
	if h, ok := parseHolder(identity); ok {
		return fmt.Sprintf("process %d on %s", h.pid, h.host)
	}
	return identity
}

// gone tells whether the process provably has ended: it ran on this machine, since it was started last, and its number is free or
// of a later process. False where that cannot be known.
func (h holder) gone() bool {
	host, err := os.Hostname()
	if err != nil || h.machine == "" || h.start == "" || h.machine != machine() || h.host != strings.ReplaceAll(host, "/", "-") {
		return false
	}
	start, state := process(h.pid)
	switch {
	case start == "": // it is not there, or not ours to see
		return ended(h.pid)
	case start != h.start:
		return true
	default:
		return state == "Z" || state == "X"
	}
}

// process is when a process was started and the kernel's letter for what it does, out of /proc; empty where it says nothing.
func process(pid int) (start, state string) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return "", ""
	}
	// The second field, the name, may hold spaces and parentheses.
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	if len(fields) < 20 {
		return "", ""
	}
	return string(fields[19]), string(fields[0])
}

// ended asks the kernel whether there is no such process.
func ended(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return errors.Is(err, os.ErrProcessDone)
	}
	defer func() { _ = p.Release() }()
	return errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

func machine() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(boot)) + "." + strings.Trim(space, "pid:[]")
}
