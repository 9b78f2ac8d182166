package subscriptions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/workspaceevents/v1"

	"github.com/spacekeeper/spacekeeper/internal/credentials"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/quota"
)

const (
	callTimeout  = 30 * time.Second
	maxCallPause = 32 * time.Second
	// Quotas are counted by the minute, so 1+2+4+8+16+32 s outlasts one that
	// is used up; an outage is reported to the person who waits sooner.
	quotaRetries  = 6
	outageRetries = 3

	firstPoll = 100 * time.Millisecond
	maxPoll   = 5 * time.Second

	// adoptTimeout is how long somebody else's creation is awaited, of which
	// nobody tells how far it is.
	adoptTimeout = 30 * time.Second
)

// call makes one API call, again while Google is busy or away. Every call
// here may be repeated: a create that went through answers ALREADY_EXISTS. No
// call is made before the quota has room for it.
func (m *Manager) call(ctx context.Context, q *quota.Quota, what string, do func(context.Context) error) error {
	for retries := 0; ; retries++ {
		if err := q.Wait(ctx); err != nil {
			return err
		}
		callCtx, cancel := context.WithTimeout(ctx, callTimeout)
		err := credentials.Brief(do(callCtx))
		cancel()
		m.note(q, err)
		if err == nil || ctx.Err() != nil || retries >= allowedRetries(err) {
			return err
		}
		code, _ := answerOf(err)
		if code == http.StatusTooManyRequests {
			continue // the quota waits, and has said so
		}
		pause := min(m.opts.Backoff<<retries, maxCallPause)
		pause += rand.N(pause/4 + 1)
		m.opts.Log.Warn("call failed; retrying", zap.String("call", what), zap.Duration("retry_in", pause), zap.NamedError("error", short(err)))
		if m.opts.Wait(ctx, pause) != nil {
			return err
		}
	}
}

// note tells the quota what became of a call.
func (m *Manager) note(q *quota.Quota, err error) {
	var answer *googleapi.Error
	if !errors.As(err, &answer) {
		if err == nil {
			q.Answered()
		}
		return
	}
	now := m.opts.Now()
	after, said := gchat.RetryAfter(answer.Header, now), *answer
	said.Message = fmt.Sprintf("not before %s: %s", now.Add(after).UTC().Format(time.RFC3339), answer.Message)
	switch {
	case answer.Code == http.StatusTooManyRequests:
		q.Refused(after, &said)
	case after > 0: // the service is away
		m.opts.Pacer.SubscriptionReads.Hold(after, &said)
		m.opts.Pacer.SubscriptionWrites.Hold(after, &said)
	default:
		q.Answered()
	}
}

// short is the error without the answer's body.
func short(err error) error {
	if code, message := answerOf(err); code > 0 {
		message, _, _ = strings.Cut(message, "\n")
		return fmt.Errorf("HTTP %d %s", code, message)
	}
	return err
}

func allowedRetries(err error) int {
	var answer *googleapi.Error
	var token *credentials.Error
	switch {
	case errors.As(err, &token) && !token.Temporary():
		return 0
	case !errors.As(err, &answer):
		return outageRetries
	case answer.Code == http.StatusTooManyRequests:
		return quotaRetries
	case answer.Code >= 500:
		return outageRetries
	}
	return 0
}

// mutate starts an operation, waits until it is done and decodes its
// response into out, if there is one and out isn't nil.
func (m *Manager) mutate(ctx context.Context, what string, start func(context.Context) (*workspaceevents.Operation, error),
	out *workspaceevents.Subscription,
) error {
	var op *workspaceevents.Operation
	err := m.call(ctx, m.opts.Pacer.SubscriptionWrites, what, func(ctx context.Context) (err error) {
		if op, err = start(ctx); err == nil {
			m.clock.set(op.Header)
		}
		return err
	})
	if err != nil {
		return err
	}
	if op, err = m.await(ctx, what, op); err != nil {
		return err
	}
	if op.Error != nil {
		return &operationError{op.Error}
	}
	if out == nil || len(op.Response) == 0 {
		return nil
	}
	if err := json.Unmarshal(op.Response, out); err != nil {
		return fmt.Errorf("read the response of %s: %w", op.Name, err)
	}
	return nil
}

// await polls the operation until it is done.
func (m *Manager) await(ctx context.Context, what string, op *workspaceevents.Operation) (*workspaceevents.Operation, error) {
	deadline := m.opts.Now().Add(m.opts.OperationTimeout)
	for pause := firstPoll; !op.Done; pause = min(2*pause, maxPoll) {
		if m.opts.Now().After(deadline) {
			return nil, fmt.Errorf("wait for %s to finish (it may still do so; apply again to see): not done after %s", op.Name, m.opts.OperationTimeout)
		}
		if err := m.opts.Wait(ctx, pause); err != nil {
			return nil, fmt.Errorf("wait for %s to finish (it may still do so; apply again to see): %w", op.Name, err)
		}
		name := op.Name
		err := m.call(ctx, m.opts.Pacer.SubscriptionReads, what+" (poll)", func(ctx context.Context) (err error) {
			op, err = m.service.Operations.Get(name).Context(ctx).Do()
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("poll %s: %w", name, err)
		}
	}
	return op, nil
}

// codeAlreadyExists is google.rpc.Code ALREADY_EXISTS.
const codeAlreadyExists = 6

// operationError is the error that an operation ended with.
type operationError struct{ status *workspaceevents.Status }

func (e *operationError) Error() string {
	return fmt.Sprintf("the operation ended with code %d: %s", e.status.Code, e.status.Message)
}
