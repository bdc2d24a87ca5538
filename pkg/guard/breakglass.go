package guard

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/kube"
)

// How long a break-glass may be asked for: an API server gives no token for less, and nobody needs one for more.
const (
	Shortest = 10 * time.Minute
	Longest  = time.Hour
)

// ReasonBreakGlass is the reason of the Event that a break-glass leaves.
const ReasonBreakGlass = "BreakGlass"

// ErrAsked says that a break-glass was asked for in a way that is not given: for too short or too long, or without a reason.
var ErrAsked = errors.New("no break-glass")

// Glass is a broken glass: a token that the guard lets through.
type Glass struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
	// User is who the token is of.
	User string `json:"user"`
	// Event in kube-system that tells of it.
	Event string `json:"event"`
}

// BreakGlass leaves an Event that says who breaks the glass, why and until when, and only then asks for a token: without the Event
// there is none. by names the person, since the token is an account's. The Event stands beside the account, which Identity has
// made, in kube-system. It fades within an hour or so, as all Events do; the API server's audit log keeps the token request.
func BreakGlass(ctx context.Context, c *kube.Client, by, reason string, d time.Duration) (Glass, error) {
	switch {
	case d < Shortest || d > Longest:
		return Glass{}, fmt.Errorf("%w for %s: it is given for %s to %s", ErrAsked, d, Shortest, Longest)
	case strings.TrimSpace(reason) == "":
		return Glass{}, fmt.Errorf("%w without a reason", ErrAsked)
	}
	event, err := leave(ctx, c, by, reason, d)
	if err != nil {
		return Glass{}, err
	}
	t, err := token(ctx, c, BreakGlassAccount, d)
	if err != nil {
		return Glass{Event: event}, err
	}
	return Glass{Token: t.Token, Expires: t.ExpirationTimestamp.UTC(), User: User(BreakGlassAccount), Event: event}, nil
}

// leave leaves the Event.
func leave(ctx context.Context, c *kube.Client, by, reason string, d time.Duration) (string, error) {
	account, err := c.Typed.CoreV1().ServiceAccounts(metav1.NamespaceSystem).Get(ctx, BreakGlassAccount, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("reading ServiceAccount kube-system/%s: %w", BreakGlassAccount, err)
	}
	now := metav1.Now()
	event, err := c.Typed.CoreV1().Events(metav1.NamespaceSystem).Create(ctx, &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{GenerateName: BreakGlassAccount + ".", Namespace: metav1.NamespaceSystem},
		InvolvedObject: corev1.ObjectReference{
			APIVersion: "v1", Kind: "ServiceAccount", Namespace: account.Namespace, Name: account.Name, UID: account.UID,
		},
		Type: corev1.EventTypeWarning, Reason: ReasonBreakGlass,
		Message: fmt.Sprintf("%s may delete and empty what the CNI is made of until %s: %s", by, now.Add(d).UTC().Format(time.RFC3339), reason),
		Source:  corev1.EventSource{Component: kube.FieldManager}, FirstTimestamp: now, LastTimestamp: now, Count: 1,
	}, metav1.CreateOptions{FieldManager: kube.FieldManager})
	if err != nil {
		return "", fmt.Errorf("leaving an Event, without which there is no break-glass: %w", err)
	}
	return event.Name, nil
}
