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

// auditPolicy writes down every call once it is answered, and what writes carry. Secrets and tokens keep their content.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
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
func (c *Cluster) CallsFrom(tb testing.TB, offset int64, admit func(Call) bool) (calls []Call, next int64) {
	tb.Helper()
	if c.audit == "" {
		tb.Fatal("calls are known with Options.Audit only")
	}
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
		if call.Stage == "ResponseComplete" && (admit == nil || admit(call)) {
			calls = append(calls, call)
		}
	}
	return calls, offset + int64(len(data))
}
