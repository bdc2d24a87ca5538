package testkube

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// auditPolicy writes down every call when it comes and once it is answered, and what writes carry. Secrets and tokens keep their
// content.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: Metadata
  verbs: [get, list, watch]
- level: Metadata
  resources:
  - {group: "", resources: [secrets, serviceaccounts/token]}
  - {group: authentication.k8s.io}
- level: Request
  verbs: [create, update, patch, delete, deletecollection]
- level: Metadata
`

// auditArgs make the API server write the log before it answers, in one file however long it becomes.
func auditArgs(tb testing.TB, log string) []string {
	tb.Helper()
	policy := filepath.Join(filepath.Dir(log), "audit-policy.yaml")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		tb.Fatal(err)
	}
	return []string{
		"--audit-policy-file=" + policy, "--audit-log-path=" + log,
		"--audit-log-mode=blocking-strict", "--audit-log-maxsize=100000",
	}
}

// Call is one request that the API server has answered, as its audit log tells it.
type Call struct {
	ID   string `json:"auditID"`
	Verb string `json:"verb"`
	URI  string `json:"requestURI"`
	User struct {
		Username string   `json:"username"`
		Groups   []string `json:"groups"`
	} `json:"user"`
	UserAgent string `json:"userAgent"`
	Object    struct {
		Resource    string `json:"resource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
		APIGroup    string `json:"apiGroup"`
		Subresource string `json:"subresource"`
	} `json:"objectRef"`
	Response struct {
		Code    int32  `json:"code"`
		Reason  string `json:"reason"`
		Message string `json:"message"`
	} `json:"responseStatus"`
	Request  json.RawMessage `json:"requestObject"` // of writes
	Stage    string          `json:"stage"`
	Received time.Time       `json:"requestReceivedTimestamp"`
	Answered time.Time       `json:"stageTimestamp"`
}

// Write says whether the call could change something, dry runs included.
func (c Call) Write() bool {
	switch c.Verb {
	case "get", "list", "watch":
		return false
	}
	return true
}

// AuditLog is the path of the audit log; empty without Options.Audit.
func (c *Cluster) AuditLog() string { return c.audit }

// Calls are all calls that were answered so far and that the filter admits (nil admits all), in the order of the log.
// It needs Options.Audit. A watch counts when it ends.
func (c *Cluster) Calls(tb testing.TB, admit func(Call) bool) []Call {
	tb.Helper()
	calls, _ := c.CallsFrom(tb, 0, admit)
	return calls
}

// CallsFrom is Calls for the part of the log that begins at an offset, and the offset of what comes next.
//
// The server writes down that a call came before it carries it out, but that it was answered only when its client may have read
// the answer: calls that came are waited for.
func (c *Cluster) CallsFrom(tb testing.TB, offset int64, admit func(Call) bool) (calls []Call, next int64) {
	tb.Helper()
	if c.audit == "" {
		tb.Fatal("calls are known with Options.Audit only")
	}
	all, next := c.logged(tb, offset)
	waited := unanswered(all, nil)
	for end := time.Now().Add(answering); len(waited) > 0 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
		all, next = c.logged(tb, offset)
		waited = unanswered(all, waited)
	}
	for _, call := range all {
		if call.Stage == answered && (admit == nil || admit(call)) {
			calls = append(calls, call)
		}
	}
	return calls, next
}

// unanswered are the IDs of the calls that came and were not answered, of those alone when some are given. A watch is none.
func unanswered(calls []Call, of map[string]bool) map[string]bool {
	open := map[string]bool{}
	for _, call := range calls {
		switch {
		case call.Stage == answered:
			delete(open, call.ID)
		case call.Stage == "RequestReceived" && call.Verb != "watch" && (of == nil || of[call.ID]):
			open[call.ID] = true
		}
	}
	return open
}

// answered is the stage of a call that has ended.
const answered = "ResponseComplete"

// answering bounds the wait for calls that are under way; calls without an end, logs that are followed, never are answered.
const answering = 5 * time.Second

// logged is what the log says from an offset on.
func (c *Cluster) logged(tb testing.TB, offset int64) (calls []Call, next int64) {
	tb.Helper()
	file, err := os.Open(c.audit)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		tb.Fatal(err)
	}
	data, err := io.ReadAll(file)
	if err != nil {
		tb.Fatalf("reading the audit log: %v", err)
	}
	data = data[:bytes.LastIndexByte(data, '\n')+1] // the rest is being written
	for line := range bytes.Lines(data) {
		var call Call
		if err := json.Unmarshal(line, &call); err != nil {
			tb.Fatalf("reading the audit log: %v", err)
		}
		calls = append(calls, call)
	}
	return calls, offset + int64(len(data))
}
