package webhook

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Params are the action's parameters.
type Params struct {
	URL         string `yaml:"url" required:"true" pattern:"^[Hh][Tt][Tt][Pp][Ss]?://[^#]+#?$" doc:"Where to POST to: https only. Placeholders are not filled in."`
	SecretFile  string `yaml:"secret_file" required:"true" pattern:"." doc:"A file of signing secrets, one a line, like whsec_BASE64. It is read for each try, so that secrets can be changed. A relative name begins where the worker was started."`
	IncludeText bool   `yaml:"include_text" doc:"Whether the message's text is sent, too. Default: false."`
}

// Options are what an operator may allow. The zero value is the strictest.
type Options struct {
	// Allow are addresses that may be reached although they aren't public, such
	// as that of a SIEM in the same network.
	Allow []netip.Prefix
	// AllowLoopback lets webhooks reach this machine, also by http: for tests
	// and the demo.
	AllowLoopback bool
	// RootCAs sign receivers' certificates. Nil: the system's.
	RootCAs *x509.CertPool
	// Resolver looks up names. Nil: the system's.
	Resolver *net.Resolver
	// Timeout is how long a try may take. 0: 15 s.
	Timeout time.Duration
}

// Action posts.
type Action struct {
	reactors.Described[Params]
	guard   guard
	client  *http.Client
	timeout time.Duration
}

// New returns the action.
func New(o Options) *Action {
	if o.Timeout == 0 {
		o.Timeout = 15 * time.Second
	}
	a := &Action{Described: reactors.Describe[Params]("webhook", reactors.Observes), guard: newGuard(o), timeout: o.Timeout}
	a.client = newClient(a.guard, o)
	return a
}

// Close closes connections that are kept for the next event.
func (a *Action) Close() { a.client.CloseIdleConnections() }

// Check implements [reactors.Action]. It doesn't open the secret file, which
// may exist only where the worker runs.
func (a *Action) Check(params any) []reactors.ParamError {
	p := params.(*Params)
	var mistakes []reactors.ParamError
	if p.URL == "" {
		mistakes = append(mistakes, reactors.BadParam("url", "url is missing", "write the receiver's https address"))
	} else if strings.Contains(p.URL, "{{") {
		mistakes = append(mistakes, reactors.BadParam("url", "url can't hold placeholders", "what happened is in the body"))
	} else if _, err := a.target(p.URL); err != nil {
		mistakes = append(mistakes, reactors.BadParam("url", "url "+err.Error(), "write it like https://hooks.example.com/spacekeeper"))
	}
	if p.SecretFile == "" {
		mistakes = append(mistakes, reactors.BadParam("secret_file", "secret_file is missing", "name a file that holds a line like whsec_BASE64"))
	}
	return mistakes
}

// request is what is stored. The body is a string, so that its bytes stay as
// they are in a jsonb column, too.
type request struct {
	ID         string `json:"id"`
	URL        string `json:"url"`
	SecretFile string `json:"secret_file"`
	Body       string `json:"body"`
}

// Prepare implements [reactors.Action].
func (a *Action) Prepare(params any, c reactors.PrepareContext) (reactors.Prepared, error) {
	p := params.(*Params)
	target, err := a.target(p.URL)
	if err != nil {
		return reactors.Prepared{}, reactors.Permanent(fmt.Errorf("prepare a webhook: its url %w", err))
	}
	id := c.IDs.Request(c.Label)
	body, err := cloudEvent(id, c, p.IncludeText)
	if err != nil {
		return reactors.Prepared{}, reactors.Permanent(fmt.Errorf("prepare a webhook: %w", err))
	}
	prepared, err := c.Encode(request{ID: id, URL: p.URL, SecretFile: p.SecretFile, Body: string(body)}, "an event to "+target.Host)
	prepared.To = strings.ToLower(target.Host)
	return prepared, err
}

// target parses a URL and says what is wrong with it. It doesn't quote it.
func (a *Action) target(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return nil, errors.New("is not an address")
	case u.User != nil:
		return nil, errors.New("must not hold a user or password: the signature says who we are")
	case u.Fragment != "":
		return nil, errors.New("must not hold a # part: it is never sent")
	}
	addr, err := netip.ParseAddr(u.Hostname())
	literal := err == nil
	switch {
	case u.Scheme == "http" && a.guard.loopback && (u.Hostname() == "localhost" || literal && addr.Unmap().IsLoopback()):
	case u.Scheme != "https":
		return nil, errors.New("must begin with https://")
	}
	if literal {
		if why := a.guard.refuses(addr); why != "" {
			return nil, fmt.Errorf("names an address that webhooks may not reach (%s)", why)
		}
	}
	return u, nil
}
