package webhook

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

const (
	maxAnswer     = 64 << 10  // bytes of headers, and of the body, that are read
	maxRetryAfter = time.Hour // a receiver can't put us off for longer at once
)

// NewClient returns a client that talks to addresses that webhooks may reach, and
// to nothing else: for what is posted to where an operator says, but not by a rule.
func NewClient(o Options) *http.Client { return newClient(newGuard(o), o) }

func newClient(g guard, o Options) *http.Client {
	dialer := &net.Dialer{
		Timeout:  o.Timeout,
		Resolver: o.Resolver,
		Control:  g.control,
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil, // a proxy would connect where the guard doesn't look
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    o.Timeout,
			ForceAttemptHTTP2:      true,
			MaxIdleConns:           20,
			MaxIdleConnsPerHost:    2,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: maxAnswer,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Act implements [reactors.Action].
func (a *Action) Act(ctx context.Context, raw json.RawMessage) (reactors.Result, error) {
	r, err := reactors.ReadRequest[request]("webhook", raw)
	if err != nil || r.ID == "" || r.URL == "" || r.SecretFile == "" || r.Body == "" {
		return reactors.Result{}, reactors.Permanent(errors.New("read the stored request: it isn't one of webhook"))
	}
	target, err := a.target(r.URL)
	if err != nil {
		return reactors.Result{}, reactors.Permanent(fmt.Errorf("read the stored request: its url %w", err))
	}
	secrets, err := secretsIn(r.SecretFile)
	if err != nil {
		return reactors.Result{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	status, err := a.post(ctx, target, secrets, r)
	if err != nil {
		return reactors.Result{}, fmt.Errorf("post to %q: %w", target.Hostname(), err)
	}
	return reactors.Result{Note: "answered " + strconv.Itoa(status)}, nil
}

// post sends a request once.
func (a *Action) post(ctx context.Context, target *url.URL, secrets []*standardwebhooks.Webhook, r request) (int, error) {
	now := time.Now()
	signature, err := sign(secrets, r.ID, now, []byte(r.Body))
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), strings.NewReader(r.Body))
	if err != nil {
		return 0, reactors.Permanent(errors.New("the address can't be used"))
	}
	req.Header.Set("Content-Type", "application/cloudevents+json")
	req.Header.Set("User-Agent", "spacekeeper")
	req.Header.Set(standardwebhooks.HeaderWebhookID, r.ID)
	req.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	req.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	answer, err := a.client.Do(req)
	if err != nil {
		return 0, withoutURL(err)
	}
	defer answer.Body.Close()
	// Read to the end, so that the connection can be kept; what it says is of
	// no use and may be anything.
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer))
	return answer.StatusCode, verdict(answer.StatusCode, answer.Header.Get("Retry-After"), now)
}

// withoutURL takes the URL out of an error, which may hold a token.
func withoutURL(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	var refused *refusedError
	if errors.As(err, &refused) {
		return reactors.Permanent(refused)
	}
	return err
}

// verdict says what an answer means.
func verdict(status int, retryAfter string, now time.Time) error {
	switch {
	case status >= 200 && status < 300:
		return nil
	case status >= 300 && status < 400:
		return reactors.Permanent(fmt.Errorf("answered %d: redirects are not followed; write the final address into the rule", status))
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500:
		err := fmt.Errorf("answered %d", status)
		if d, ok := delay(retryAfter, now); ok {
			return reactors.RetryAfter(d, err)
		}
		return err
	case status == http.StatusGone:
		return reactors.Permanent(errors.New("answered 410: the receiver is gone for good; change the rule's url or remove the rule"))
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return reactors.Permanent(fmt.Errorf("answered %d: the receiver refuses us; compare the secret on both sides", status))
	case status == http.StatusNotFound:
		return reactors.Permanent(errors.New("answered 404: there is nothing at the rule's url"))
	}
	return reactors.Permanent(fmt.Errorf("answered %d: the receiver doesn't take the request", status))
}

// delay reads a Retry-After header: seconds or a date.
func delay(header string, now time.Time) (time.Duration, bool) {
	d := time.Duration(0)
	if seconds, err := strconv.ParseInt(header, 10, 32); err == nil {
		d = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		d = at.Sub(now)
	}
	return min(d, maxRetryAfter), d > 0
}
