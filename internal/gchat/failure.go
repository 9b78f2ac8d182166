package gchat

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/api/googleapi"

	"github.com/spacekeeper/spacekeeper/internal/credentials"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// outcome says whether a write that ended with an error was carried out.
//
//	refused   Google read the request and won't do it, now or later
//	notSent   Google didn't carry it out and may do so later
//	unclear   it may have been carried out
//	idTaken   what was to be made exists already
type outcome int

const (
	unclear outcome = iota
	refused
	notSent
	idTaken
)

// failure is an error of the Chat API and what it means.
type failure struct {
	outcome    outcome
	words      string        // what it means to the people who run the space
	retryAfter time.Duration // 0 if Google didn't say
	err        error
}

func classify(err error) failure {
	var answer *googleapi.Error
	if !errors.As(err, &answer) {
		return classifyNetwork(err)
	}
	f := failure{err: err, retryAfter: RetryAfter(answer.Header, time.Now())}
	switch code, status := answer.Code, credentials.Status(answer); {
	case code == http.StatusTooManyRequests:
		f.outcome, f.words = notSent, "Google Chat is receiving too many requests for this space or project"
	case code == http.StatusUnauthorized:
		f.outcome, f.words = notSent, "Google doesn't accept the app's credentials"
	case status == credentials.AlreadyExists:
		f.outcome, f.words = idTaken, "it exists already, or a message with this id does"
	case code == http.StatusRequestTimeout, code == http.StatusConflict, code == clientClosedRequest, code >= 500:
		f.outcome, f.words = unclear, "Google Chat has a problem"
	case credentials.ScopeMissing(answer):
		f.outcome, f.words = notSent, "the access token lacks a scope that this takes: subscribe-setup doctor says which"
	case code == http.StatusForbidden:
		f.outcome, f.words = refused, "the Chat app may not do this here: add it to the space, or ask an administrator to allow it"
	case code == http.StatusNotFound:
		f.outcome, f.words = refused, "the space doesn't exist any more, or the Chat app isn't configured in its Google Cloud project"
	default:
		f.outcome, f.words = refused, "Google Chat doesn't accept the request"
	}
	return f
}

// clientClosedRequest is the HTTP status of the google.rpc.Code CANCELLED.
const clientClosedRequest = 499

// classifyNetwork classifies errors without an answer of Google's.
func classifyNetwork(err error) failure {
	var (
		op    *net.OpError
		name  *net.DNSError
		token *credentials.Error
	)
	switch {
	case errors.As(err, &token):
		return failure{outcome: notSent, words: "no access token could be had", err: err}
	case errors.As(err, &name), errors.As(err, &op) && op.Op == "dial":
		return failure{outcome: notSent, words: "Google Chat can't be reached", err: err}
	}
	return failure{outcome: unclear, words: "no answer came from Google Chat", err: err}
}

// saying replaces the failure's words if Google answered with this status.
func (f failure) saying(status int, words string) failure {
	if code(f.err) == status && !appMissing(f.err) {
		f.words = words
	}
	return f
}

// appMissing recognises the 404 that is about the app, not about the resource.
func appMissing(err error) bool {
	return code(err) == http.StatusNotFound && strings.Contains(err.Error(), "Chat app not found")
}

// notFound reports whether Google doesn't have the resource.
func notFound(err error) bool { return code(err) == http.StatusNotFound && !appMissing(err) }

// mark turns the failure into the error that the dispatcher acts on. Texts are
// kept out of it, as errors are logged.
func (f failure) mark(doing string, texts ...string) error {
	err := fmt.Errorf("%s: %s: %w", doing, f.words, redact(f.err, texts...))
	if code(f.err) == http.StatusTooManyRequests {
		err = reactors.Throttled(err)
	}
	switch {
	case f.outcome == refused:
		return reactors.Permanent(err)
	case f.retryAfter > 0:
		return reactors.RetryAfter(f.retryAfter, err)
	}
	return err
}

// redact shortens Google's answer to its code and first line, and removes the
// texts of a message from it. Other errors quote none.
func redact(err error, texts ...string) error {
	var answer *googleapi.Error
	if !errors.As(err, &answer) {
		return err
	}
	message := answer.Message
	for _, text := range texts {
		if text != "" {
			message = strings.ReplaceAll(message, text, "(the text)")
		}
	}
	message, _, _ = strings.Cut(message, "\n")
	const maxRunes = 300
	if r := []rune(message); len(r) > maxRunes {
		message = string(r[:maxRunes]) + "…"
	}
	return &answerError{code: answer.Code, message: message}
}

// answerError is a redacted answer.
type answerError struct {
	code    int
	message string
}

func (e *answerError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("HTTP %d %s", e.code, e.message))
}

// maxRetryAfter keeps a broken proxy from putting a run off for years.
const maxRetryAfter = time.Hour

// RetryAfter reads the Retry-After header, in seconds or as a date; an hour at
// most, 0 if there is none.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	if date, err := http.ParseTime(value); err == nil && date.After(now) {
		return min(date.Sub(now), maxRetryAfter)
	}
	return 0
}
